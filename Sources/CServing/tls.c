/* SPDX-License-Identifier: Apache-2.0 */
#include "CServing.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>

/* Other threads go on while the process exits: nothing is cleaned up there. */
static void begin(void)
{
	OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT, NULL);
}

static void explain(const char *what, char *error, size_t size)
{
	const unsigned long code = ERR_peek_last_error();
	const char *reason = code ? ERR_reason_error_string(code) : NULL;

	snprintf(error, size, "%s: %s", what, reason ? reason : "refused");
	ERR_clear_error();
}

static void *fail(SSL_CTX *context, const char *what, char *error, size_t size)
{
	explain(what, error, size);
	SSL_CTX_free(context);
	return NULL;
}

/* The client has a certificate; nobody asks whose. */
static int accept_any(int ok, X509_STORE_CTX *store)
{
	(void)ok;
	(void)store;
	return 1;
}

static int verify_mode(enum sonde_client_auth auth)
{
	switch (auth) {
	case SONDE_CLIENT_AUTH_REQUEST:
	case SONDE_CLIENT_AUTH_VERIFY_IF_GIVEN:
		return SSL_VERIFY_PEER;
	case SONDE_CLIENT_AUTH_REQUIRE_ANY:
	case SONDE_CLIENT_AUTH_REQUIRE_AND_VERIFY:
		return SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
	default:
		return SSL_VERIFY_NONE;
	}
}

void *sonde_tls_server(const struct sonde_tls_settings *settings, char *error,
		       size_t size)
{
	static const unsigned char session[] = "sonde";
	const enum sonde_client_auth auth = settings->client_auth;
	SSL_CTX *context;

	begin();
	context = SSL_CTX_new(TLS_server_method());
	if (!context)
		return fail(context, "TLS", error, size);
	SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE |
					  SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
					  SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION |
					     SSL_OP_NO_COMPRESSION |
					     SSL_OP_CIPHER_SERVER_PREFERENCE);
	SSL_CTX_set_session_id_context(context, session, sizeof(session) - 1);
	if (!SSL_CTX_set_min_proto_version(context, settings->min_version) ||
	    !SSL_CTX_set_max_proto_version(context, settings->max_version))
		return fail(context, "TLS version", error, size);
	if (SSL_CTX_use_certificate_chain_file(context, settings->cert_file) !=
	    1)
		return fail(context, settings->cert_file, error, size);
	if (SSL_CTX_use_PrivateKey_file(context, settings->key_file,
					SSL_FILETYPE_PEM) != 1)
		return fail(context, settings->key_file, error, size);
	if (SSL_CTX_check_private_key(context) != 1)
		return fail(context, settings->key_file, error, size);
	if (settings->client_ca_file) {
		STACK_OF(X509_NAME) *names =
			SSL_load_client_CA_file(settings->client_ca_file);

		if (!names ||
		    SSL_CTX_load_verify_locations(
			    context, settings->client_ca_file, NULL) != 1)
			return fail(context, settings->client_ca_file, error,
				    size);
		SSL_CTX_set_client_CA_list(context, names);
	}
	SSL_CTX_set_verify(context, verify_mode(auth),
			   auth == SONDE_CLIENT_AUTH_REQUEST ||
					   auth == SONDE_CLIENT_AUTH_REQUIRE_ANY
				   ? accept_any
				   : NULL);
	return context;
}

void *sonde_tls_client(char *error, size_t size)
{
	SSL_CTX *context;

	begin();
	context = SSL_CTX_new(TLS_client_method());
	if (!context || SSL_CTX_set_default_verify_paths(context) != 1 ||
	    !SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION))
		return fail(context, "TLS", error, size);
	SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
	return context;
}

void sonde_tls_context_free(void *context)
{
	SSL_CTX_free(context);
}

void *sonde_tls_accept(void *context, int fd)
{
	SSL *tls = SSL_new(context);

	if (tls && SSL_set_fd(tls, fd) == 1) {
		SSL_set_accept_state(tls);
		return tls;
	}
	SSL_free(tls);
	ERR_clear_error();
	return NULL;
}

void *sonde_tls_connect(void *context, int fd, const char *host, char *error,
			size_t size)
{
	SSL *tls = SSL_new(context);
	bool named;

	if (!tls || SSL_set_fd(tls, fd) != 1)
		goto failed;
	/* A certificate for an address names that. */
	named = X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(tls), host) != 1;
	if (named && (SSL_set1_host(tls, host) != 1 ||
		      SSL_set_tlsext_host_name(tls, host) != 1))
		goto failed;
	ERR_clear_error();
	if (SSL_connect(tls) == 1)
		return tls;
	if (SSL_get_verify_result(tls) != X509_V_OK) {
		snprintf(error, size, "certificate: %s",
			 X509_verify_cert_error_string(
				 SSL_get_verify_result(tls)));
		ERR_clear_error();
		SSL_free(tls);
		return NULL;
	}
failed:
	explain("TLS", error, size);
	SSL_free(tls);
	return NULL;
}

void sonde_tls_free(void *tls)
{
	/* Without waiting for the other side. */
	SSL_set_quiet_shutdown(tls, 1);
	SSL_shutdown(tls);
	SSL_free(tls);
	ERR_clear_error();
}

static int result(SSL *tls, int count)
{
	int error;

	if (count > 0)
		return count;
	error = SSL_get_error(tls, count);
	ERR_clear_error();
	switch (error) {
	case SSL_ERROR_WANT_READ:
		return SONDE_TLS_WANTS_READ;
	case SSL_ERROR_WANT_WRITE:
		return SONDE_TLS_WANTS_WRITE;
	case SSL_ERROR_ZERO_RETURN:
		return SONDE_TLS_CLOSED;
	default:
		return SONDE_TLS_FAILED;
	}
}

int sonde_tls_read(void *tls, void *buffer, int size)
{
	ERR_clear_error();
	return result(tls, SSL_read(tls, buffer, size));
}

bool sonde_tls_has_more(const void *tls)
{
	return SSL_pending(tls) > 0;
}

int sonde_tls_write(void *tls, const void *buffer, int size)
{
	ERR_clear_error();
	return result(tls, SSL_write(tls, buffer, size));
}

void sonde_sha256(const void *bytes, size_t size, uint8_t *digest)
{
	begin();
	EVP_Digest(bytes, size, digest, NULL, EVP_sha256(), NULL);
}

bool sonde_equal(const void *one, const void *two, size_t size)
{
	return CRYPTO_memcmp(one, two, size) == 0;
}
