/*************************************************
*     Exim - an Internet mail transport agent    *
*************************************************/
/* SPDX-License-Identifier: MIT OR Apache-2.0 */

/* The certificates of the server, with GnuTLS. tls-gnu.c includes this at its end, where it knows the session. */

size_t
tls_peer_chain(void * ct_ctx, rtls_bytes * chain, size_t max)
{
exim_gnutls_state_st * state = ct_ctx;
unsigned n = 0;
const gnutls_datum_t * certs = state ? gnutls_certificate_get_peers(state->session, &n) : NULL;

/* The session keeps the chain with it; on a resumed one it was not shown (P6.12a). */

if (!certs || gnutls_session_is_resumed(state->session)) return 0;
if (n > max) n = max;
for (unsigned i = 0; i < n; i++)
  {
  chain[i].data = certs[i].data;
  chain[i].len = certs[i].size;
  }
return n;
}

/* End of require_tls_gnu.c */
