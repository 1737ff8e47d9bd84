/* librequiretls: per-message TLS policy for mail servers. C89, C17 and C++98.
 *
 * A mail server asks two questions. What did the sender require? Asked while MAIL FROM is read; the answer is
 * a tag, a short text to keep with the message, or the reply that refuses the command. May this message go to
 * that host, and how? Asked before and while a connection is made. Here is how they are asked; an indented line
 * is done where the line above it said RTLS_GO. Whole programs are in ffi-tests/c and in the manual pages.
 *
 * Inbound
 *
 *    rtls_mail m; char tag[RTLS_TAG_SIZE];
 *    rtls_mail_begin(&m, sizeof m, ctx, inside_tls ? RTLS_F_TLS : 0);
 *    for each parameter of MAIL FROM, in any order:
 *      rtls_mail_param(&m, name, RTLS_NUL, value, RTLS_NUL);
 *                                            NOT_OURS: the server's own table has it, or answers 555
 *    rtls_mail_end(&m, tag, sizeof tag);     REFUSED: answer with m.reply, keep nothing
 *    when DATA has brought the header section:
 *      rtls_mail_header for each field, and rtls_mail_end again
 *    Keep the tag with the message, for every recipient; "" is a tag too. In the reply to EHLO stand the lines
 *    of rtls_ehlo_keyword.
 *
 * Outbound, with the server's own loop over the hosts
 *
 *    rtls_plan *p = rtls_plan_new(ctx, "example.com", 0, tag, 0);
 *    if (rtls_plan_lookup(p, 20000) == RTLS_GO)
 *      for each MX host, and again for each further address of it:
 *        rtls_plan_host(p, host);            GO: connect, send EHLO
 *        rtls_plan_ehlo(p, reply, RTLS_NUL); STARTTLS: do so. GO: stay in clear text
 *        rtls_plan_tls(p, protocol, cipher); the handshake is over; else rtls_plan_tls_failed
 *        rtls_plan_peer(p, chain, n);        GO: send EHLO again
 *        rtls_plan_ehlo(p, reply, RTLS_NUL); GO: MAIL FROM may follow
 *        rtls_plan_mail_params(p, buf, sizeof buf);
 *                                            GO: append buf to MAIL FROM, send the message
 *        rtls_plan_mail_reply(p, code, text);
 *                                            AGAIN: send RSET, ask for the parameters again
 *        rtls_plan_done(p, code, NULL, NULL);
 *                                            NEXT_HOST: go round again
 *    rtls_plan_verdict(p, &reply);           GO: the server's own result stands. DEFER, BOUNCE: with reply
 *    rtls_plan_free(p);
 *
 * Outbound, with the hosts that the library found
 *
 *    As above, but the loop is
 *      while (rtls_plan_next(p, host, sizeof host) == RTLS_GO)
 *        connect to rtls_plan_get(p, RTLS_GET_ADDRESS, n): a host comes once for each of its addresses, the
 *        n-th time, counted from 0, for the n-th; then the same steps from EHLO on
 *    A route of the site's own takes the place of MX records: rtls_plan_add_host for each of its hosts, before
 *    the lookup.
 *
 * A message on a connection that is open already
 *
 *    With the first message, before rtls_plan_done: copy rtls_plan_get(p, RTLS_GET_SESSION, 0), a text, and
 *    keep it beside the connection. Then, for another message, here or in another process:
 *    rtls_plan *q = rtls_plan_new(ctx, next_hop, 0, its_tag, 0);
 *    if (rtls_plan_lookup(q, 20000) == RTLS_GO)
 *      rtls_plan_resume(q, host, session);   GO: this connection has proved what this message needs
 *      rtls_plan_mail_params(q, buf, sizeof buf);
 *                                            GO: RSET, MAIL FROM; in the end rtls_plan_done
 *      NEXT_HOST instead: leave the connection to other messages and open one, from rtls_plan_host on
 *
 * The order in a process that leaves its root directory, its user and its parent
 *
 *    rtls_open(&ctx, NULL, err, sizeof err); not GO: do not start, err says why
 *    rtls_set_log(ctx, fn, arg);             before other threads know ctx
 *    chroot(), setgid(), setuid(), fork()    nothing is left to open but what the lookups ask the network and
 *                                            the cache directory, so that must lie inside the new root
 *    rtls_plan_ and rtls_mail_ calls, in parent and children alike
 *    At SIGHUP: rtls_open a second context, use it for what begins from now on, rtls_close the first; its plans
 *    go on under the configuration that they were made from.
 *
 * What holds for every call
 *
 * - Zero holds the mail. A NULL handle, a call out of order, lack of time and a fault inside the library
 *   all give RTLS_DEFER; for rtls_mail_ calls, where zero is RTLS_NOT_OURS, they give RTLS_REFUSED with the
 *   reply 451 4.3.0. So test for "!= RTLS_GO" and never for "== RTLS_BOUNCE". What the client did wrong is
 *   RTLS_REFUSED with a 5yz reply.
 * - ctx is from rtls_open, p from rtls_plan_new; m is an rtls_mail that rtls_mail_begin has started. Each of
 *   them may be NULL, as said above.
 * - A text that is handed in ends at its NUL, or has a length; RTLS_NUL as the length means "up to the
 *   NUL". Domain and host names may be A-labels or UTF-8, in any case, and one dot at the end is dropped.
 * - A text that is handed out is printable ASCII with a NUL at its end, without CR, LF and the percent
 *   sign, so it may be used as a printf format. A tag, a host name and a MAIL FROM parameter are never cut:
 *   the call fails when the buffer is too small. A sentence may be cut.
 * - What a pointer points to is read during the call only; rtls_ctx is the one exception. Nothing is to be
 *   freed but what rtls_close and rtls_plan_free take.
 * - An object that a call takes by pointer to const may be used by several threads at once; one that a call
 *   takes by pointer to non-const by one thread at a time, whichever it is.
 * - No object keeps a descriptor, a lock or a thread from one call to the next: after fork() parent and
 *   child each have a usable copy of every object.
 * - Only rtls_plan_lookup waits. No call writes to a standard stream, ends the process, raises a signal or
 *   changes the locale, the environment, the umask or the working directory. When memory runs out the
 *   process is aborted.
 * - Numbers are never used twice, and no number of the future means GO. Later versions add calls and
 *   RTLS_GET_ numbers; they change neither the meaning nor the layout of what is here.
 */
#ifndef REQUIRETLS_H
#define REQUIRETLS_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The version of this header; rtls_version() gives that of the library. */
#define RTLS_VERSION "0.1.0"

/* The same as major * 10000 + minor * 100 + patch, for #if. */
#define RTLS_VERSION_NUMBER 100

/* As the length of a text: it ends at its NUL. */
#define RTLS_NUL ((size_t) -1)

/* Inbound: answer the client with the reply in rtls_mail; every later call on it repeats it. */
#define RTLS_REFUSED (-1)

/* For rtls_plan_done, where no SMTP reply tells how it ended: the connection is closed in good order; nothing was to be
   sent (a callout), or the outcome is not known here. */
#define RTLS_CLOSED (-1)


/*
 Keep the message and try later: nothing else can be done now.
 */
#define RTLS_DEFER 0

/*
 Go on.
 */
#define RTLS_GO 1

/*
 Not with this host or connection: QUIT, try the next host.
 */
#define RTLS_NEXT_HOST 2

/*
 Return the message to its sender: no host can help, and the cause is certain.
 */
#define RTLS_BOUNCE 3

/*
 rtls_plan_ehlo only: send STARTTLS now.
 */
#define RTLS_STARTTLS 4

/*
 rtls_plan_mail_reply only: send RSET, ask rtls_plan_mail_params again, send MAIL again.
 */
#define RTLS_AGAIN 5

/*
 Inbound: leave it to the server's own table, which refuses what it does not know (555 5.5.4).
 */
#define RTLS_NOT_OURS 0

/*
 Inbound: understood and kept.
 */
#define RTLS_TAKEN 1

/*
 rtls_mail_begin, rtls_ehlo_keyword: the client is inside TLS, by STARTTLS or on port 465. Flags are
 added up; a bit that the call does not know is misuse.
 */
#define RTLS_F_TLS 1

/*
 rtls_mail_tag: anybody may have written this tag; it may raise what is asked, never lower it.
 */
#define RTLS_F_RAISE_ONLY 2

/*
 rtls_plan_new: the message has an empty return path (RFC 8689 section 5). Not for a callout that probes
 with an empty path on behalf of another message.
 */
#define RTLS_F_NULL_PATH 4

/*
 rtls_plan_new: the next hop speaks LMTP. The same rules hold for it (RFC 8689 section 2); in this
 version the flag changes nothing.
 */
#define RTLS_F_LMTP 8

/*
 rtls_plan_new: AUTH will be sent to this next hop, so never in clear text.
 */
#define RTLS_F_AUTH 16

/*
 Bytes that always suffice for a tag, its NUL included.
 */
#define RTLS_TAG_SIZE 65

/*
 Bytes that always suffice for our MAIL FROM parameters.
 */
#define RTLS_PARAMS_SIZE 64

/*
 Bytes that always suffice for a host name.
 */
#define RTLS_HOST_SIZE 256

/*
 Bytes that always suffice for RTLS_GET_SESSION, a text without a blank that fits an argument or an
 environment variable. Trust it as your own memory: keep it where no other user can write.
 */
#define RTLS_SESSION_SIZE 256

/*
 rtls_mail_get: what the sender named, "may", "encrypt" or "secure". rtls_plan_get: what the current host
 must reach.
 */
#define RTLS_GET_LEVEL 1

/*
 rtls_mail_get only: the MAIL FROM parameters for every host, as " REQUIRETLS"; NULL: none, or each peer
 decides.
 */
#define RTLS_GET_PARAMS 2

/*
 rtls_mail_get: "HDRS", a bounce of this message may return the header only (RFC 8689 section 5), or
 NULL. rtls_plan_get, after the last EHLO: "HDRS", the RET parameter that the server itself sends must
 have this value; or NULL. rtls_plan_mail_params never writes RET.
 */
#define RTLS_GET_RET 3

/*
 The sentence for the latest answer that was neither GO nor STARTTLS; NULL: there was none.
 */
#define RTLS_GET_WHY 4

/*
 The server name to send in the TLS handshake; NULL: send none (address literal).
 */
#define RTLS_GET_SNI 5

/*
 What this connection has proved, for rtls_plan_resume; NULL until MAIL FROM may follow.
 */
#define RTLS_GET_SESSION 6

/*
 Current host, how it must be authenticated: "none", "dane", "pkix", "pin"; "dane+pkix": both must hold.
 */
#define RTLS_GET_METHOD 7

/*
 Current host: the i-th name that its certificate may carry; none where a TLSA record names the
 certificate itself.
 */
#define RTLS_GET_NAME 8

/*
 Seconds until the first of the facts expires, in decimal; NULL: they do not expire.
 */
#define RTLS_GET_TTL 9

/*
 For RFC 8460 section 4.4: "sts", "tlsa" or "no-policy-found".
 */
#define RTLS_GET_POLICY_TYPE 10

/*
 For RFC 8460: the domain that the policy was found at.
 */
#define RTLS_GET_POLICY_DOMAIN 11

/*
 For RFC 8460: the i-th policy-string, a line of the MTA-STS policy or a TLSA record.
 */
#define RTLS_GET_POLICY_STRING 12

/*
 The i-th mx pattern of an MTA-STS policy in enforce mode, as published: "*.example.com".
 */
#define RTLS_GET_MX_PATTERN 13

/*
 For RFC 8460 section 4.3: the result type of a discovery that failed; NULL: none failed.
 */
#define RTLS_GET_POLICY_FAILURE 14

/*
 Current host: its i-th address, in the order to try.
 */
#define RTLS_GET_ADDRESS 15

/*
 For rtls_plan_tls_failed: an I/O error or a timeout, or TLS was not tried. It may heal.
 */
#define RTLS_TLS_LOST 0

/*
 For rtls_plan_tls_failed: an alert, no common version or cipher, no TLS at all. It is certain.
 */
#define RTLS_TLS_REJECTED 1

/*
 Configuration, trust roots and caches.
 */
typedef struct rtls_ctx rtls_ctx;

/*
 One tag, one next hop: what one message needs there, and what has been tried.
 */
typedef struct rtls_plan rtls_plan;

/*
 Takes one log line, without a newline. syslog_level: 3 error, 4 warning, 5 notice, 6 info, 7 debug. line
 lives until the function returns: copy what is to be kept. It is called inside a call of yours and on that
 call's thread. The call waits for it as long as it takes, whatever timeout the call was given, and rests on
 nothing that it changes, errno among it. It returns normally, or ends the process; longjmp, an exception and
 the end of the thread are undefined. An rtls_ call that it makes changes nothing, and says what a NULL
 handle would: RTLS_DEFER, RTLS_REFUSED or NULL. Threads that share a context may call it at the same time.
 */
typedef void (*rtls_log_fn)(void *arg, int syslog_level, const char *line);

/*
 An SMTP reply in parts; write it as "%d %s %s".
 */
typedef struct rtls_reply {
  /*
   451, 501, 530, 550 and so on; 250 when there is nothing to say.
   */
  int code;
  /*
   RFC 3463: "5.7.10".
   */
  char enhanced[12];
  /*
   One sentence: the cause, the host, and who imposed it (sender, recipient or site).
   */
  char text[256];
} rtls_reply;

/*
 What one sender asked. A plain value: put it on the stack or into static memory, copy it, drop it; there
 is nothing to free. It is valid as long as its context. Only reply is yours to read.
 */
typedef struct rtls_mail {
  /*
   The answer to the client, once a call has said RTLS_REFUSED.
   */
  struct rtls_reply reply;
  /*
   The library's own.
   */
  size_t opaque[16];
} rtls_mail;

/*
 One certificate, DER.
 */
typedef struct rtls_bytes {
  /*
   The first byte.
   */
  const unsigned char *data;
  /*
   How many there are.
   */
  size_t len;
} rtls_bytes;

/*
 Reads the configuration, the trust roots and everything else that is needed, at once; nothing is left to
 open later.
 out: where the context goes; it is yours until rtls_close, and lives until then.
 config_path: the configuration file; NULL: the built-in path, and the defaults where there is no such
   file.
 err, err_size: room for one line of text (file, line number, cause), in bytes; a longer one is cut. err
   may be NULL.
 Returns RTLS_GO: ready, err is "". Anything else: *out is NULL, err tells why, and the server must not
   start. It does not wait for the network.
 When: first of all: before chroot(), setuid() and fork(). Again at any time, for a second configuration.
 */
int rtls_open(struct rtls_ctx **out, const char *config_path, char *err, size_t err_size);

/*
 Frees the context. Plans keep what they need and outlive it; no rtls_mail does.
 ctx: from rtls_open; NULL is fine.
 When: last, when no thread is inside a call that uses it and no rtls_mail of it is in use any more.
   Plans that were made with it may still be there.
 */
void rtls_close(struct rtls_ctx *ctx);

/*
 The i-th line to add to the reply to EHLO or LHLO, without "250-": "REQUIRETLS".
 ctx: from rtls_open; NULL: none.
 flags: RTLS_F_TLS or 0; it decides whether there are any (RFC 8689 section 2).
 i: counts from 0.
 Returns a text that lives as long as ctx. NULL: no more of them, or an unknown flag.
 When: at each EHLO and LHLO, so also at the one inside TLS.
 Source: RFC 8689 section 2.
 */
const char *rtls_ehlo_keyword(const struct rtls_ctx *ctx, unsigned int flags, size_t i);

/*
 Sends the log lines of one context, and of the plans made with it from now on, to fn; without this call
 there are none, and nothing is spent on them. The lines of rtls_open come at once.
 ctx: from rtls_open, and not yet shared with other threads; NULL is harmless.
 fn: NULL: no more lines, for plans made from now on.
 arg: passed on to fn as it is and never looked at. fn and what arg points to must live until another fn,
   NULL too, was set or ctx was closed, and until every plan that was made meanwhile is freed.
 When: right after rtls_open, before other threads know the context.
 */
void rtls_set_log(struct rtls_ctx *ctx, rtls_log_fn fn, void *arg);

/*
 How much is told: lines of a higher number than level are not passed on. It is for plans made from now on.
 ctx: as for rtls_set_log.
 level: a syslog level from 3 to 7. It is 6 without this call. With 7 a plan keeps what it is told, and a
   line case={...} stands behind that of each verdict and of each message that goes: "requiretls explain"
   reads it and decides the same.
 When: after rtls_set_log.
 */
void rtls_set_log_level(struct rtls_ctx *ctx, int level);

/*
 Starts anew, whatever was in *m before, also after a command that failed. Allocates nothing, as all
 rtls_mail_ calls.
 m: room for one rtls_mail, yours before and after.
 sizeof_m: pass sizeof *m, in bytes. A smaller size than that of this version is misuse; a larger one, of
   a program that was compiled against a later header, is fine.
 ctx: from rtls_open; it must outlive the use of m, and of every copy of it; NULL makes every later call
   say RTLS_REFUSED.
 flags: 0 or RTLS_F_TLS.
 When: at each MAIL command, before the other rtls_mail_ calls.
 Source: RFC 8689 section 2: the parameter counts inside TLS alone.
 */
void rtls_mail_begin(struct rtls_mail *m, size_t sizeof_m, const struct rtls_ctx *ctx, unsigned int flags);

/*
 One MAIL FROM parameter; give them one by one, in any order.
 name, name_len: the text before "=".
 value, value_len: the text behind it; value NULL: there was no "=" ("X" and "X=" differ). Lengths may be
   RTLS_NUL.
 Returns RTLS_NOT_OURS, RTLS_TAKEN, or RTLS_REFUSED with m->reply: a value that is not allowed or a
   second parameter of ours 501 5.5.4, without TLS 530 5.7.10, not offered here 555 5.5.4.
 When: after rtls_mail_begin, any number of times.
 Source: RFC 8689 sections 2 and 4.1.
 */
int rtls_mail_param(struct rtls_mail *m,
                    const char *name,
                    size_t name_len,
                    const char *value,
                    size_t value_len);

/*
 Instead of rtls_mail_param: the whole command, "MAIL FROM:<path> parameters", with or without its CRLF.
 Finds our parameters behind the path, a quoted one too, and leaves the rest alone.
 line, len: the command; the length may be RTLS_NUL. Up to 8192 octets are judged.
 Returns RTLS_NOT_OURS (none of ours is there), RTLS_TAKEN, or RTLS_REFUSED with m->reply: as
   rtls_mail_param, and 501 5.5.2 for a line that is no MAIL command or has CR, LF or NUL in it, 500
   5.5.2 for one that is too long.
 When: after rtls_mail_begin, instead of rtls_mail_param.
 Source: RFC 5321 sections 4.1.1.2 and 4.1.2; RFC 8689 sections 2 and 4.1.
 */
int rtls_mail_line(struct rtls_mail *m, const char *line, size_t len);

/*
 One field of the message's own header section, unfolded or not, with or without its line end; not of an
 embedded message. Give all fields, or those named TLS-Required, each of them once: a bad or
 contradicting repetition makes all of them void, and a parameter overrules them.
 name, name_len: the text before the colon.
 value, value_len: the text behind it. Lengths may be RTLS_NUL.
 Returns RTLS_TAKEN (TLS-Required: No), RTLS_NOT_OURS (another field, or one that is ignored, which is
   logged), or RTLS_REFUSED, which only repeats an earlier refusal.
 When: after rtls_mail_begin, when DATA has brought the header section; then rtls_mail_end again.
 Source: RFC 8689 sections 3 and 4.1.
 */
int rtls_mail_header(struct rtls_mail *m,
                     const char *name,
                     size_t name_len,
                     const char *value,
                     size_t value_len);

/*
 A tag from before: of a message that comes in again, of the message that an alias, a list or a bounce
 stems from, or one that the site's own rules write. The stricter wins, part by part; "" adds nothing.
 tag, len: the text; its length may be RTLS_NUL.
 flags: 0, or RTLS_F_RAISE_ONLY where anybody may have written it.
 Returns RTLS_TAKEN, RTLS_NOT_OURS ("", or a lowering tag under RTLS_F_RAISE_ONLY), or RTLS_REFUSED (451
   4.3.0) for a tag that cannot be read or was written by a later version.
 When: after rtls_mail_begin.
 Source: RFC 8689 sections 4.1 and 5: what one instance of a message requires, all of them require.
 */
int rtls_mail_tag(struct rtls_mail *m, const char *tag, size_t len, unsigned int flags);

/*
 Judges everything given so far and writes the tag. More may be given afterwards, as header fields come
 after MAIL; then call it again. The same requirement always gives the same text, so recipients may share
 a transaction if strcmp() says 0.
 tag, tag_size: room for it, in bytes; RTLS_TAG_SIZE suffices, and less than is needed is misuse.
   Characters: letters, digits and "-._", so it fits a macro, an Exim list, an argument, xtext, a header
   field.
 Returns RTLS_TAKEN: keep the tag with the message, for every recipient. RTLS_NOT_OURS: nothing was
   asked, the tag is "". RTLS_REFUSED: answer with m->reply; the tag is "!", which is none: a server that
   stores it all the same gets RTLS_DEFER from every plan.
 When: after rtls_mail_begin and what was to be given; again after more was given.
 Source: RFC 8689 section 4.1.
 */
int rtls_mail_end(struct rtls_mail *m, char *tag, size_t tag_size);

/*
 Tells one thing about what was given so far.
 what: RTLS_GET_LEVEL, RTLS_GET_PARAMS or RTLS_GET_RET.
 Returns a static text. NULL: nothing was asked, it was refused, or it is another number.
 When: after rtls_mail_begin.
 Source: RFC 8689 sections 4.2.1 and 5.
 */
const char *rtls_mail_get(const struct rtls_mail *m, int what);

/*
 Makes a plan for one next hop and one message, or several messages with the same tag. Never waits.
 ctx: from rtls_open; the plan keeps what it needs of it and may outlive it.
 domain: the next hop as routed, not CNAME-expanded: a domain, the name of a smart host, an address
   literal, or "unix:/path".
 port: the TCP port that connections go to; 0: the port of the site's rule for this next hop, else 25.
 tag: from rtls_mail_end; "" for an untagged message; NULL is misuse.
 flags: RTLS_F_NULL_PATH, RTLS_F_LMTP and RTLS_F_AUTH, added up, or 0.
 Returns a plan, yours until rtls_plan_free. Where an argument cannot be read, a tag among them, it is a
   plan that says RTLS_DEFER to everything, and why; in the worst case NULL, which every call takes and
   says RTLS_DEFER to.
 When: for each message and next hop, before anything is connected to.
 Source: RFC 8689 sections 4.2.1, 4.2.2 and 5.
 */
struct rtls_plan *rtls_plan_new(const struct rtls_ctx *ctx,
                                const char *domain,
                                unsigned int port,
                                const char *tag,
                                unsigned int flags);

/*
 The site's own route instead of MX records: call it for each host, in the order to try. Not for hosts
 that came out of DNS, whose names prove nothing. A host on another machine takes nothing from a next hop
 that is a unix socket or a loopback address: a tag is enforced there.
 host: a name, "192.0.2.1", "[IPv6:2001:db8::1]" or "unix:/path".
 Returns RTLS_GO or RTLS_DEFER.
 When: after rtls_plan_new and before the first rtls_plan_lookup.
 Source: RFC 8689 section 4.2.1: what the site itself configures rests on no DNS answer.
 */
int rtls_plan_add_host(struct rtls_plan *p, const char *host);

/*
 Finds out what is known about the next hop: MX records, addresses, TLSA records, MTA-STS policy. It is
 the one call that waits: a server with an event loop makes it on a worker thread and takes the plan
 back. It leaves the current host.
 timeout_ms: it waits no longer than that, in milliseconds of a monotonic clock; 0: it uses what an
   earlier lookup of this plan or of its context has found, and asks nobody.
 What a lookup has found serves later plans of the same context, in this process and in its children, for
   as long as DNS and the policy allow: then it does not wait at all. It takes less than 8 MiB of memory,
   whatever a domain publishes, and a plan less than it.
 Returns RTLS_GO; or RTLS_DEFER or RTLS_BOUNCE for the message: no host may be tried then.
 When: after rtls_plan_new; again after RTLS_DEFER, or when the facts have expired (RTLS_GET_TTL).
 Source: RFC 8689 section 4.2.1; RFC 7672 section 2; RFC 8461 section 3.
 */
int rtls_plan_lookup(struct rtls_plan *p, unsigned int timeout_ms);

/*
 Frees the plan and the texts that rtls_plan_get has given. A host that is still current counts as lost.
 NULL is fine.
 When: at any time, once for each plan.
 */
void rtls_plan_free(struct rtls_plan *p);

/*
 May I try this host? Ask before connecting to a name of the server's own list. The same name again is a
 new try, for its next address: make one call per address. It leaves the host before, whatever it
 answers.
 host: as in the MX record, not its CNAME target; or as in rtls_plan_add_host.
 Returns RTLS_GO: connect to it. RTLS_NEXT_HOST: not to this one. A name that the lookup did not find is
   allowed only where nothing above level may is asked.
 When: after rtls_plan_lookup said RTLS_GO; also after rtls_plan_done said RTLS_GO, for the recipients
   that are left.
 Source: RFC 8689 section 4.2.1; RFC 7672 section 2.2; RFC 8461 section 4.1.
 */
int rtls_plan_host(struct rtls_plan *p, const char *host);

/*
 Instead of rtls_plan_host: which host next, in the order of the MX records, without those that may not
 be used? A host comes once for each of its addresses, the n-th time for the n-th (RTLS_GET_ADDRESS). It
 leaves the host before, whatever it answers.
 host, size: room for the name, in bytes; RTLS_HOST_SIZE suffices, and too little is misuse. A literal
   comes as "[192.0.2.1]".
 Returns RTLS_GO: host is filled, connect to it. Anything else: host is "", no host is left, and this is
   the verdict; it is RTLS_DEFER too when nothing of ours was against the hosts.
 When: as rtls_plan_host.
 Source: RFC 5321 section 5.1; RFC 8689 section 4.2.1.
 */
int rtls_plan_next(struct rtls_plan *p, char *host, size_t size);

/*
 Instead of the steps from EHLO on: may this message use a connection to host that is open already? What
 was proved on it is compared with what this message needs now. It leaves the host before, whatever it
 answers.
 host: as for rtls_plan_host.
 session: RTLS_GET_SESSION of the plan that made the connection, perhaps in another process.
 Returns RTLS_GO: go on with rtls_plan_mail_params. RTLS_NEXT_HOST: not this connection; rtls_plan_host
   may open another one. A recipient of another domain may join a transaction when a plan for that domain
   says RTLS_GO here, and RTLS_GO with the same text to rtls_plan_mail_params.
 When: as rtls_plan_host.
 Source: RFC 8689 section 4.2.1: each message is judged by itself.
 */
int rtls_plan_resume(struct rtls_plan *p, const char *host, const char *session);

/*
 The reply to EHLO or LHLO. Call it again with the reply inside TLS: only that one counts then (RFC 3207
 section 4.2).
 reply, len: all its lines, with or without "250-", the first of them the greeting; len may be RTLS_NUL.
   An empty text: EHLO was refused and HELO worked.
 Returns RTLS_STARTTLS: send STARTTLS now. RTLS_GO: MAIL FROM may follow (rtls_plan_mail_params).
   RTLS_NEXT_HOST: leave this host; inside TLS also because it must be authenticated and rtls_plan_peer
   was not called.
 When: after rtls_plan_host or rtls_plan_next said RTLS_GO, and after rtls_plan_tls.
 Source: RFC 3207 sections 4.2 and 5; RFC 8689 section 4.2.1.
 */
int rtls_plan_ehlo(struct rtls_plan *p, const char *reply, size_t len);

/*
 STARTTLS or the handshake did not succeed; or EHLO inside TLS was answered with 4yz or not at all.
 how: RTLS_TLS_LOST (also where the server's own settings forbid to try), RTLS_TLS_REJECTED, or the
   3-digit reply.
 why: for the log; may be NULL.
 Returns RTLS_GO: stay in clear text with this host, on a new connection if the handshake had begun, and
   call rtls_plan_ehlo again, which will not say RTLS_STARTTLS. RTLS_NEXT_HOST: leave this host.
 When: between rtls_plan_host (or rtls_plan_next) and the rtls_plan_ehlo that says RTLS_GO.
 Source: RFC 8689 sections 4.2.1 and 4.2.2; RFC 7672 section 2.2; RFC 8461 section 5.
 */
int rtls_plan_tls_failed(struct rtls_plan *p, int how, const char *why);

/*
 The certificates as the peer sent them, for the library to judge. Whatever the TLS library thinks of
 them is overruled, so switch its own check off (RFC 7672 section 3.1).
 chain, n: leaf first, each in DER; NULL or 0: the TLS library has none (no certificate, or a resumed
   session), and the host is unauthenticated.
 Returns RTLS_GO: go on. RTLS_NEXT_HOST: break off.
 When: before or after rtls_plan_tls, and before the next rtls_plan_ehlo. After is better: a TLS version
   that is too old, which may heal, is then told before a certificate for which the message may bounce.
 Source: RFC 8689 section 4.2.1; RFC 7672 sections 3.1 and 3.2; RFC 8461 section 4.2; RFC 6125.
 */
int rtls_plan_peer(struct rtls_plan *p, const struct rtls_bytes *chain, size_t n);

/*
 The handshake is over and TLS is up. Drop whatever the peer has said before, unread input too (RFC 3207
 section 4.2).
 protocol: its name, as "TLSv1.3" or "TLS1.2".
 cipher: its name. Levels encrypt and secure need TLS 1.2 or later and a cipher that encrypts (RFC 9325);
   NULL and unknown names do not satisfy them.
 Returns RTLS_GO: now rtls_plan_peer, unless it was called, and EHLO. RTLS_NEXT_HOST: leave this host.
 When: after rtls_plan_ehlo said RTLS_STARTTLS; with implicit TLS (port 465) after rtls_plan_host or
   rtls_plan_next.
 Source: RFC 3207 section 4.2; RFC 8689 section 4.2.1; RFC 9325 sections 3 and 4.
 */
int rtls_plan_tls(struct rtls_plan *p, const char *protocol, const char *cipher);

/*
 The last gate, right before MAIL FROM: judges all steps again. So MAIL is never sent before the reply to
 EHLO was read (no early pipelining). Call it again for each further transaction of the same tag on this
 connection; another tag or next hop needs a plan of its own, and rtls_plan_resume.
 buf, size: room, in bytes, for what to append to MAIL FROM, "" or " REQUIRETLS", with its blank;
   RTLS_PARAMS_SIZE suffices, and too little is misuse.
 Returns RTLS_GO: send MAIL. Anything else: buf is "", send nothing; RTLS_DEFER when the facts have
   expired meanwhile.
 When: after rtls_plan_ehlo or rtls_plan_resume said RTLS_GO, or rtls_plan_mail_reply said RTLS_AGAIN.
 Source: RFC 8689 section 4.2.1.
 */
int rtls_plan_mail_params(struct rtls_plan *p, char *buf, size_t size);

/*
 The reply to MAIL FROM, or to the first RCPT TO where that is 530.
 code: its 3 digits.
 text: what follows them, or all lines of the reply; may be NULL.
 Returns RTLS_GO: accepted, or refused for reasons that are the server's own to judge. RTLS_NEXT_HOST:
   refused because of our parameter, or 530 in clear text under a tag that lowers. RTLS_AGAIN, once: send
   RSET, ask rtls_plan_mail_params again, and send MAIL again.
 When: after rtls_plan_mail_params and the command.
 Source: RFC 8689 sections 4.2.1 and 4.2.2.
 */
int rtls_plan_mail_reply(struct rtls_plan *p, int code, const char *text);

/*
 This host is over. Never waits. A host that is left in another way, by rtls_plan_host, _next, _resume,
 _lookup or _free, counts as lost.
 code: of the last reply about this message; 0: the connection failed or was lost (221 and 421 count as
   0); or RTLS_CLOSED.
 peer_ip, local_ip: the connection's addresses, for a report under RFC 8460; may be NULL. This version
   does not report.
 Returns RTLS_GO: settled, that is 2yz or 5yz after rtls_plan_mail_params, or RTLS_CLOSED once MAIL FROM
   might follow; the same again when repeated. RTLS_NEXT_HOST: try another host. RTLS_DEFER, and an error
   in the log: 2yz without RTLS_GO from rtls_plan_mail_params, so a message was sent that was not to be
   sent.
 When: after rtls_plan_lookup, for each host that was tried.
 Source: RFC 8689 section 4.2.1: each host of the list is tried before the message is given up.
 */
int rtls_plan_done(struct rtls_plan *p, int code, const char *peer_ip, const char *local_ip);

/*
 The end, over all hosts that were tried. Changes nothing. Also right after rtls_plan_lookup, to refuse a
 route early.
 r: room for the reply; may be NULL.
 Returns RTLS_GO: no objection of ours, since a host has settled the message or none could be reached;
   the server's own result stands, and r is 250. RTLS_DEFER or RTLS_BOUNCE: with the reply in r. It is
   RTLS_DEFER as long as a cause may heal or a host is untried.
 When: at any time.
 Source: RFC 8689 section 4.2.1; RFC 8461 section 5; RFC 3463.
 */
int rtls_plan_verdict(const struct rtls_plan *p, struct rtls_reply *r);

/*
 Tells one thing about the plan.
 what: an RTLS_GET_ number.
 i: counts repeated ones from 0; else pass 0.
 Returns a text that lives until the next call that takes p without const. NULL: there is none, no more
   of them, or it is not known yet.
 When: after rtls_plan_lookup; for the current host after rtls_plan_host or rtls_plan_next, no connection
   is needed.
 Source: RFC 8460 sections 4.3 and 4.4, for what reports are made of; RFC 7672 section 8.1, for the
   server name.
 */
const char *rtls_plan_get(const struct rtls_plan *p, int what, size_t i);

/*
 The version of the library that was loaded, as "0.1.0"; RTLS_VERSION is the header's.
 Returns a static text.
 When: at any time, also before rtls_open.
 */
const char *rtls_version(void);

#ifdef __cplusplus
}
#endif
#endif
