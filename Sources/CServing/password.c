/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "CServing.h"

#include <crypt.h>
#include <stdlib.h>
#include <string.h>

bool sonde_password_matches(const char *password, const char *hash)
{
	/* Some 32 KiB. */
	struct crypt_data *data = calloc(1, sizeof(*data));
	const char *made = data ? crypt_r(password, hash, data) : NULL;
	const size_t size = strlen(hash);
	const bool matches =
		made && strlen(made) == size && sonde_equal(made, hash, size);

	free(data);
	return matches;
}

bool sonde_password_hash_is_valid(const char *hash)
{
	return crypt_checksalt(hash) == CRYPT_SALT_OK && strlen(hash) > 50;
}
