// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

// Each function below stands for an OpenSSL macro that Swift cannot see.

// SSL_OP_NO_RENEGOTIATION, SSL_OP_NO_COMPRESSION
static inline void copenssl_refuse_renegotiation(SSL_CTX *context) {
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
}

// SSL_CTX_set_min_proto_version
static inline int copenssl_set_min_version(SSL_CTX *context, int version) {
    return (int)SSL_CTX_set_min_proto_version(context, version);
}

// SSL_CTX_set_max_proto_version
static inline int copenssl_set_max_version(SSL_CTX *context, int version) {
    return (int)SSL_CTX_set_max_proto_version(context, version);
}

// SSL_CTX_set_mode
static inline void copenssl_release_buffers_when_idle(SSL_CTX *context) {
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
}

// SSL_CTX_set_session_cache_mode
static inline void copenssl_keep_client_sessions_outside(SSL_CTX *context) {
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
}

// SSL_set_tlsext_host_name
static inline int copenssl_set_server_name(SSL *ssl, const char *name) {
    return (int)SSL_set_tlsext_host_name(ssl, name);
}

// SSL_set_app_data
static inline int copenssl_set_owner(SSL *ssl, void *owner) {
    return SSL_set_app_data(ssl, owner);
}

// SSL_get_app_data
static inline void *copenssl_owner(const SSL *ssl) {
    return SSL_get_app_data(ssl);
}

// ERR_GET_LIB, ERR_LIB_SSL
static inline int copenssl_is_ssl_error(unsigned long code) {
    return ERR_GET_LIB(code) == ERR_LIB_SSL;
}

// SSL_CTX_add1_chain_cert
static inline void copenssl_add_chain_certificate(SSL_CTX *context, X509 *certificate) {
    SSL_CTX_add1_chain_cert(context, certificate);
}

// SSL_CTX_sess_hits
static inline long copenssl_session_hits(SSL_CTX *context) {
    return SSL_CTX_sess_hits(context);
}

// SSL_CTX_sess_accept_good
static inline long copenssl_finished_accepts(SSL_CTX *context) {
    return SSL_CTX_sess_accept_good(context);
}
