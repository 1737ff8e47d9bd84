/*************************************************
*     Exim - an Internet mail transport agent    *
*************************************************/
/* SPDX-License-Identifier: MIT OR Apache-2.0 */

/* The certificates of the server, with OpenSSL. tls-openssl.c includes this at its end, where it knows the session. */

size_t
tls_peer_chain(void * ct_ctx, rtls_bytes * chain, size_t max)
{
exim_openssl_client_tls_ctx * client = ct_ctx;
STACK_OF(X509) * certs = client ? SSL_get_peer_cert_chain(client->ssl) : NULL;
size_t n = 0;

if (certs && !SSL_session_reused(client->ssl))
  for (int i = 0; i < sk_X509_num(certs) && n < max; i++)
    {
    X509 * cert = sk_X509_value(certs, i);
    int len = i2d_X509(cert, NULL);
    uschar * der, * end;

    if (len <= 0) return 0;
    der = end = store_get(len, GET_UNTAINTED);
    if (i2d_X509(cert, &end) != len) return 0;
    chain[n].data = der;
    chain[n++].len = len;
    }
return n;
}

/* End of require_tls_openssl.c */
