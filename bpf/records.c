/* SPDX-License-Identifier: (MIT OR GPL-2.0) */
/* SwiftPM wants a source file in a C target; the header asserts its sizes here.
 */
#include "sonde_records.h"
