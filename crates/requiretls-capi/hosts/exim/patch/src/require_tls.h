/*************************************************
*     Exim - an Internet mail transport agent    *
*************************************************/
/* SPDX-License-Identifier: MIT OR Apache-2.0 */

/* REQUIRETLS and the TLS policy of the next hop, by librequiretls: what the rest of Exim calls. See require_tls.c. */

#ifdef WITH_REQUIRETLS
#ifndef REQUIRE_TLS_H
#define REQUIRE_TLS_H

# if defined(DISABLE_TLS) || !defined(SUPPORT_DANE)
#  error "WITH_REQUIRETLS needs an Exim with TLS and DANE"
# endif

# include <requiretls.h>

/* Some functions have another form from 4.99 on; the version stands here because Exim has no number for it. */

# define REQUIRE_TLS_EXIM @EXIM_VERSION@

/* What the sender required; smtp_in.c, receive.c, and what makes messages of its own */

extern void	require_tls_check(void);
extern gstring *require_tls_keywords(gstring *, const uschar *);
extern void	require_tls_mail_begin(void);
extern BOOL	require_tls_mail_param(const uschar *, const uschar *, BOOL *);
extern BOOL	require_tls_mail_end(void);
extern void	require_tls_headers(void);
extern const uschar *require_tls_tag(void);
extern BOOL	require_tls_headers_only(void);
extern const uschar *require_tls_status(const address_item *);

extern const uschar *require_tls_parent;	/* tag of the message that a bounce is about */
extern BOOL	require_tls_child;		/* the next exec makes such a bounce */

/* Where it may go; routers, verify.c, transport.c */

extern void	require_tls_configured(const uschar *);
extern void	require_tls_found(const host_item *, const host_item *);
extern BOOL	require_tls_holds(void);
extern void	require_tls_callout(address_item *, host_item *, int);
extern BOOL	require_tls_callout_failed(address_item *);
extern BOOL	require_tls_asks_nothing_at(address_item *, const host_item *);

/* The certificates that the peer has sent, in DER; tls-gnu.c, tls-openssl.c */

extern size_t	tls_peer_chain(void *, rtls_bytes *, size_t);

#endif	/*REQUIRE_TLS_H*/

/* At the end of transports/smtp.h, where the type of a connection is known */

#if defined(REQUIRE_TLS_CONNECTIONS) && !defined(REQUIRE_TLS_SMTP_H)
#define REQUIRE_TLS_SMTP_H

enum { REQUIRE_TLS_STAYS, REQUIRE_TLS_AGAIN, REQUIRE_TLS_LEFT };

extern void	require_tls_begin(address_item *, host_item *, int);
extern void	require_tls_end(address_item *);
extern void	require_tls_verdict(address_item *);
extern BOOL	require_tls_refused(void);
extern BOOL	require_tls_tried(void);
extern BOOL	require_tls_connect(smtp_context *, BOOL);
extern BOOL	require_tls_clear_hello(smtp_context *);
extern BOOL	require_tls_starttls_refused(smtp_context *, const uschar *);
extern BOOL	require_tls_handshake_failed(smtp_context *, const uschar *);
extern BOOL	require_tls_started(smtp_context *);
extern BOOL	require_tls_hello(smtp_context *);
extern BOOL	require_tls_hold(smtp_context *);
extern BOOL	require_tls_join(smtp_context *);
extern void	require_tls_release(smtp_context *);
extern uschar  *require_tls_mail(smtp_context *, uschar *, BOOL *);
extern int	require_tls_mail_refused(smtp_context *);
#endif

#endif	/*WITH_REQUIRETLS*/
/* End of require_tls.h */
