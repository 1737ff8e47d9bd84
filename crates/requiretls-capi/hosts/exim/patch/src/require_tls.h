/*************************************************
*     Exim - an Internet mail transport agent    *
*************************************************/
/* SPDX-License-Identifier: MIT OR Apache-2.0 */

/* REQUIRETLS (RFC 8689) and the TLS policy of the next hop, DANE and MTA-STS, by librequiretls. See require_tls.c.

This file has three parts: what the rest of Exim calls, what the smtp transport calls, and what the files
require_tls_*.c say to each other. "R" and "P" numbers are those of the library's own list of statements.

Strings that are returned are in Exim's store, and live as long as anything that string_copy() makes there, unless
something else is said. No function keeps a pointer that it was given beyond its return, but for the host list of
require_tls_begin() and require_tls_callout(), which has to live until require_tls_end() or the end of the callout. */

#ifdef WITH_REQUIRETLS
#ifndef REQUIRE_TLS_H
#define REQUIRE_TLS_H

# if defined(DISABLE_TLS) || !defined(SUPPORT_DANE)
#  error "WITH_REQUIRETLS needs an Exim with TLS and DANE"
# endif

# include <requiretls.h>

/* Some functions have another form from 4.99 on; the version stands here because Exim has no number for it. */

# define REQUIRE_TLS_EXIM @EXIM_VERSION@

/* ---- What the sender required: require_tls_in.c and require_tls_bounce.c, called by smtp_in.c, receive.c, and what
makes messages of its own. ---- */

/* The daemon must not start without a configuration that can be read: ends the program where it cannot. */
extern void	require_tls_check(void);

/* Adds the library's lines to a reply to EHLO, each with the reply code (3 octets at code) and a hyphen before it;
outside TLS there are none (RFC 8689 section 2). Returns g, perhaps moved. */
extern gstring *require_tls_keywords(gstring * g, const uschar * code);

/* Before the first parameter of a MAIL command. */
extern void	require_tls_mail_begin(void);

/* One parameter that Exim does not know; name and value are the same pointer if there was no equals sign. FALSE: it is
not the library's either. *refused is set TRUE if the command has been answered (RFC 8689 section 2: 501, 530). */
extern BOOL	require_tls_mail_param(const uschar * name, const uschar * value, BOOL * refused);

/* After the last parameter: keeps the tag (RFC 8689 section 4.1). FALSE if the command has been answered. */
extern BOOL	require_tls_mail_end(void);

/* When the header section is there: merges the tag so far, that of the message that this one is about, and the field
TLS-Required (RFC 8689 sections 3 and 4.1). The stricter wins. */
extern void	require_tls_headers(void);

/* Before the spool file is written: the stricter of what MAIL asked for and of what ACLs have set. */
extern void	require_tls_spool(void);

/* The tag of the current message, "" if there is none: $acl_m_requiretls, while the message is received not below what MAIL
asked for (R9). It stays until the next call or until the variable is set. It may be a text that is no tag, of an ACL's
making: every delivery is then deferred (P6.15). */
extern const uschar *require_tls_tag(void);

/* Must what is returned of this message be its header alone (RFC 8689 section 5, R28)? */
extern BOOL	require_tls_headers_only(void);

/* The Status field of a bounce: the code of the library's sentence, if that is why the address failed, else 5.0.0. What
has waited until its time was over has failed for good: 5.7.10 in the place of 4.7.10 (RFC 8689 section 4.2.1). */
extern const uschar *require_tls_status(const address_item *);

/* The tag of the message that the one on standard input is about (-oMrtls); NULL: none. */
extern const uschar *require_tls_parent;

/* TRUE in a process that is about to run Exim for a message about the current one. */
extern BOOL	require_tls_child;

/* ---- Where it may go: require_tls_route.c and require_tls_callout.c, called by routers, verify.c and transport.c ---- */

/* Before the name of a host that stands in the configuration is looked up. */
extern void	require_tls_configured(const uschar * name);

/* After it: the hosts from first up to, not including, end came of the name. */
extern void	require_tls_found(const host_item * first, const host_item * end);

/* Is anything asked of the current connection? Then it is neither handed on nor pipelined early (P9). */
extern BOOL	require_tls_holds(void);

/* Before the first host of a callout, which tells it who writes to whom. */
extern void	require_tls_callout(address_item * addr, host_item * hosts, int port);

/* After the last one, where nothing was found out. TRUE if it is certain that no host will do (P5): addr then has the
sentence for the reply. */
extern BOOL	require_tls_callout_failed(address_item * addr);

/* May this address join a connection that is held open for others? Only where nothing is asked. */
extern BOOL	require_tls_asks_nothing_at(address_item * addr, const host_item * h);

/* ---- The certificates: require_tls_gnu.c or require_tls_openssl.c, within tls.c ---- */

/* Those that the peer has sent on this connection, in DER, the leaf first; their number, at most max. None where the
session was resumed. GnuTLS: they belong to the session; OpenSSL: they are in Exim's store. */
extern size_t	tls_peer_chain(void * ct_ctx, rtls_bytes * chain, size_t max);

#endif	/*REQUIRE_TLS_H*/

/* ---- One run of the smtp transport and its connections: require_tls_smtp.c and require_tls_share.c. Included at the
end of transports/smtp.h, where the type of a connection is known. Those that take a connection and return BOOL return
FALSE when the host is to be left; the addresses have been told why. ---- */

#if defined(REQUIRE_TLS_CONNECTIONS) && !defined(REQUIRE_TLS_SMTP_H)
#define REQUIRE_TLS_SMTP_H

/* What to do about a refused MAIL command: what Exim does; send it again, now without the parameter; leave the host. */
enum { REQUIRE_TLS_STAYS, REQUIRE_TLS_AGAIN, REQUIRE_TLS_LEFT };

/* Before the first host: looks up the facts of all next hops (it may wait). An address whose plan allows no host is
settled. A connection that was open already is left where it will not do. */
extern void	require_tls_begin(address_item * addrlist, host_item * hosts, int port);

/* After the last host: what the plans say of those that still wait, where it is more than Exim's own word (P5). */
extern void	require_tls_verdict(address_item * addrlist);

/* What is to wait for its plan's sake gets its retry item; forgets the plans. */
extern void	require_tls_end(address_item * addrlist);

/* Was the library against this connection? */
extern BOOL	require_tls_refused(void);

/* The host was tried: was the library against it, for any of the addresses? Asked once for each host. */
extern BOOL	require_tls_tried(void);

/* Before the connection is made; once more if it is made again with TLS suppressed. */
extern BOOL	require_tls_connect(smtp_context * sx, BOOL suppress_tls);

/* A reply that came instead of a greeting, or to EHLO and HELO alike, ends the connection (P6.8, P6.8a). errno and the
reply are as they were, afterwards. */
extern void	require_tls_not_greeted(const smtp_context * sx);

/* The reply to EHLO in clear text. */
extern BOOL	require_tls_clear_hello(smtp_context * sx);

/* STARTTLS was answered with anything but 2yz, or not at all. errno and the reply are as they were, afterwards. */
extern BOOL	require_tls_starttls_refused(smtp_context * sx, const uschar * reply);

/* The handshake did not come to its end. */
extern BOOL	require_tls_handshake_failed(smtp_context * sx, const uschar * why);

/* It did: version, cipher and certificates. What the library has verified goes into the log line. */
extern BOOL	require_tls_started(smtp_context * sx);

/* The last reply to EHLO: inside TLS, or in clear text where that is how it ends. MAIL may follow. */
extern BOOL	require_tls_hello(smtp_context * sx);

/* One connection may be for addresses of several domains, each with a plan of its own. Before it is made, those whose
plan has to be asked are set aside (DANE, as Exim itself does). TRUE if there are any. */
extern BOOL	require_tls_hold(smtp_context * sx);

/* When it is made: those that are content with what this connection has proved join (P9). TRUE if any are left. */
extern BOOL	require_tls_join(smtp_context * sx);

/* The host could not be used, for a reason of its own: that is true for those set aside as well. */
extern void	require_tls_release(smtp_context * sx);

/* The last gate, before each MAIL command: adds the parameters at p, the end of the string. The new end, or NULL if the
message is not to be sent here. *asks is set TRUE if the reply has to be seen before anything else is sent. RET follows
the plan (R27, R28). */
extern uschar  *require_tls_mail(smtp_context * sx, uschar * p, BOOL * asks);

/* The reply to MAIL was not 2yz (P6.14): one of the words above. */
extern int	require_tls_mail_refused(smtp_context * sx);
#endif

/* ---- What only our own files know ---- */

#if defined(REQUIRE_TLS_OWN) && !defined(REQUIRE_TLS_OWN_H)
#define REQUIRE_TLS_OWN_H

# if REQUIRE_TLS_EXIM >= 4099
#  define RT_LOG(flags, ...)	log_write((flags), __VA_ARGS__)
#  define RT_LOG_DIE(...)	log_write_die(LOG_MAIN, __VA_ARGS__)
#  define RT_DRIVER(instance)	((instance)->drinst.driver_name)
#  define RT_OPTIONS(instance)	((smtp_transport_options_block *) (instance)->drinst.options_block)
#  define RT_TRACE		DEBUG(transport)
# else
#  define RT_LOG(flags, ...)	log_write(0, (flags), __VA_ARGS__)
#  define RT_LOG_DIE(...)	log_write(0, LOG_MAIN|LOG_PANIC_DIE, __VA_ARGS__)
#  define RT_DRIVER(instance)	((instance)->driver_name)
#  define RT_OPTIONS(instance)	((smtp_transport_options_block *) (instance)->options_block)
#  define RT_TRACE		DEBUG(D_transport)
# endif

/* What the library's sentences begin with in a log line or a bounce */

# define RT_OURS		"requiretls: "

/* require_tls.c */

extern const rtls_ctx * rt_context(void);
extern const char *	rt_context_error(void);		/* NULL: there is a context */

/* require_tls_route.c */

typedef struct rt_host {
  struct rt_host *	next;
  const uschar *	name;		/* in the configuration */
  const uschar *	found;		/* what the lookup made of it */
  const uschar *	address;
  BOOL			by_mx;		/* it is a domain, whose MX records were looked up */
} rt_host;

extern const rt_host *	rt_configured_as(const host_item *);
extern const uschar *	rt_without_port(const host_item *);
extern void		rt_set_route(const address_item *, host_item *, BOOL);

/* require_tls_plan.c */

typedef struct rt_known {
  struct rt_known *	next;
  const uschar *	name;
  const uschar *	address;	/* one of them, or NULL: for the name alone */
} rt_known;

typedef struct rt_hop {
  struct rt_hop *	next;
  const uschar *	name;		/* the domain; for a route of the site's own its first host */
  unsigned		port;
  rtls_plan *		plan;
  rtls_plan *		survey;		/* another one, asked who the hosts are; NULL: nobody wanted to know */
  rt_known *		hosts;		/* that it has named */
  int			refusal;	/* the reply that its current host gave instead of a greeting */
  BOOL binds:1;				/* more than clear text is asked of one of them */
  BOOL looked_up:1;
  BOOL asked:1;				/* the plan, about a host that Exim has come to */
  BOOL refused:1;			/* the plan was against at least one host, or against all */
  BOOL at_host:1;			/* its current host is not settled yet */
  BOOL sent:1;				/* and may have seen a MAIL command */
} rt_hop;

/* One run of a transport, or one callout, and the connection that is being made or used */

typedef struct rt_run {
  rt_hop *		hops;
  host_item *		route;		/* the site's own hosts; NULL: the MX records of each domain */
  const uschar *	route_name;
  int			port;
  rt_hop *		current;
  BOOL route_by_mx:1;
  BOOL for_callout:1;
  BOOL lmtp:1;				/* is what the hosts speak */
  BOOL held:1;				/* something is asked of the connection */
  BOOL starttls_due:1;
  BOOL hello_due:1;
  BOOL stays_clear:1;			/* TLS failed, and the plan allows to go on without */
  BOOL refused_now:1;			/* by this connection's plan */
  BOOL refused_some:1;			/* at this host, for any of the addresses */
} rt_run;

extern rt_run		rt;

extern rt_hop *		rt_hop_of(const address_item *, const host_item *);
extern BOOL		rt_is_for(const address_item *, const rt_hop *);
extern const uschar *	rt_judged_name(rt_hop *, const host_item *);
extern BOOL		rt_asks_nothing(const rtls_plan *);
extern BOOL		rt_would_ask_nothing(rt_hop *, const host_item *);
extern void		rt_settle(rt_hop *, const address_item *);
extern uschar *		rt_sentence(const rtls_plan *);
extern uschar *		rt_final_sentence(const rtls_plan *, int *);
extern void		rt_forget(void);

/* require_tls_smtp.c */

extern void		rt_restore_options(void);
#endif

#endif	/*WITH_REQUIRETLS*/
/* End of require_tls.h */
