/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TLS by OpenSSL, passwords by crypt(3), and settings by libyaml: what an
 * exporter needs to be reachable from other machines.
 */
#ifndef SONDE_CSERVING_H
#define SONDE_CSERVING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum sonde_client_auth {
	SONDE_CLIENT_AUTH_NONE,
	SONDE_CLIENT_AUTH_REQUEST,
	SONDE_CLIENT_AUTH_REQUIRE_ANY,
	SONDE_CLIENT_AUTH_VERIFY_IF_GIVEN,
	SONDE_CLIENT_AUTH_REQUIRE_AND_VERIFY,
};

struct sonde_tls_settings {
	/* PEM files. */
	const char *cert_file;
	const char *key_file;
	/* NULL where no client is verified. */
	const char *client_ca_file;
	enum sonde_client_auth client_auth;
	/* 0x0303 for TLS 1.2, 0x0304 for 1.3. */
	int min_version;
	/* 0 for the newest. */
	int max_version;
};

/* An SSL_CTX of a server; NULL with the reason in ERROR. */
void *sonde_tls_server(const struct sonde_tls_settings *settings, char *error,
		       size_t size);
/* Of a client that trusts the system's authorities. */
void *sonde_tls_client(char *error, size_t size);
void sonde_tls_context_free(void *context);

/* An SSL over a socket. */
void *sonde_tls_accept(void *context, int fd);
/* The same as a client, with the handshake, on a blocking socket. */
void *sonde_tls_connect(void *context, int fd, const char *host, char *error,
			size_t size);
void sonde_tls_free(void *tls);

enum sonde_tls_result {
	SONDE_TLS_CLOSED = 0,
	SONDE_TLS_WANTS_READ = -1,
	SONDE_TLS_WANTS_WRITE = -2,
	SONDE_TLS_FAILED = -3,
};

/* How many bytes, or one of the above. */
int sonde_tls_read(void *tls, void *buffer, int size);
/* Whether there is more to read that has come already. */
bool sonde_tls_has_more(const void *tls);
int sonde_tls_write(void *tls, const void *buffer, int size);

/*
 * A connected socket whose operations time out likewise; -1 with the reason in
 * ERROR.
 */
int sonde_connect(const char *host, const char *port, int timeout_ms,
		  char *error, size_t size);

/* Whether it is the password of a hash in the form of crypt(5). */
bool sonde_password_matches(const char *password, const char *hash);
/* Whether crypt(3) knows that form. */
bool sonde_password_hash_is_valid(const char *hash);
/* 32 bytes. */
void sonde_sha256(const void *bytes, size_t size, uint8_t *digest);
/* In a time that doesn't depend on where they differ. */
bool sonde_equal(const void *one, const void *two, size_t size);

/*
 * Calls back with each scalar of a YAML file that consists of nothing but
 * mappings: with the keys that lead to it, each ended by a newline. A list is
 * an error, as is a key that holds a newline.
 */
typedef void (*sonde_yaml_callback)(void *context, const char *path,
				    const char *value, size_t line);
/* 0, or -1 with the reason in ERROR. */
int sonde_yaml_read(const char *text, size_t size, sonde_yaml_callback callback,
		    void *context, char *error, size_t error_size);

#endif
