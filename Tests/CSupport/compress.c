/* SPDX-License-Identifier: Apache-2.0 */
#include "CSupport.h"

#include <zlib.h>

size_t sonde_compressed_bound(size_t size)
{
	return compressBound(size);
}

size_t sonde_compress(const void *from, size_t size, void *to, size_t room)
{
	uLongf length = room;

	return compress2(to, &length, from, size, Z_BEST_COMPRESSION) == Z_OK
		       ? length
		       : 0;
}

size_t sonde_uncompress(const void *from, size_t size, void *to, size_t room)
{
	uLongf length = room;

	return uncompress(to, &length, from, size) == Z_OK ? length : 0;
}
