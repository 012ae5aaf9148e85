/* SPDX-License-Identifier: (MIT OR GPL-2.0) */
/* SwiftPM wants a source file in a C target; the headers assert their sizes
 * here.
 */
#include "sonde_clone.h"
#include "sonde_collapse.h"
#include "sonde_sched.h"
