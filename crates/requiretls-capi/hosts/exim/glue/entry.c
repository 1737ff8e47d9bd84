/* What may Exim's configuration ask in ${dlfunc}?
 *
 * Every function answers 0, Exim's OK, whatever happens: what Exim does when an expansion fails depends on the option, and in
 * those that matter it goes on as if nothing had been asked. So "no" is always a text. A call with fewer arguments than it needs
 * gets the text that means "no". Exim counts eight arguments wrongly; no function here takes more than seven.
 *
 *   requiretls_here       the version of the files that ask             "yes": all that they ask is here; else "no"
 *   requiretls_mail       $smtp_command, $tls_in_cipher                 a tag, "", or "!530 5.7.10 text"
 *   requiretls_fields     tag, $h_TLS-Required:, $h_RequireTLS-Tag:     the same, of what the header section asks besides; as fourth,
 *                         the tag that MAIL asked for, where an ACL may have set another one since
 *   requiretls_tag        tag                                           the tag, or "!": none that can be read
 *   requiretls_plan       tag, next hop, sender, hosts, $exim_uid, $exim_gid
 *                         "": as stock Exim does it. ":defer: text", ":fail: text": for a redirect router. Else a host list: the
 *                         hosts that must not be spoken to without TLS; the mail needs a transport that asks the functions below
 *   requiretls_connect    tag, next hop, sender, hosts, $host, $host_address
 *                         event tcp:connect; "", or why this host may not be used
 *   requiretls_ehlo       $host, $event_data, $tls_out_ver, $tls_out_cipher     event smtp:ehlo; the same, though Exim ignores it
 *   requiretls_cert       $host, $event_data, ${base64:$tls_out_peercert}       event tls:cert; "", or why the handshake must end
 *   requiretls_sni        $host                                         the name to ask the host for its certificate by, or ""
 *   requiretls_gate       $host, $tls_out_cipher                        "": MAIL may follow; "*": it may not
 *   requiretls_close      ""                                            event tcp:close; always "" */
#include <string.h>
#include "glue.h"

typedef unsigned char text_t;

/* What Exim takes a ${dlfunc} for. */
typedef int asked(text_t **yield, int argc, text_t **argv);
extern asked requiretls_here, requiretls_mail, requiretls_fields, requiretls_tag, requiretls_plan, requiretls_connect,
    requiretls_ehlo, requiretls_cert, requiretls_sni, requiretls_gate, requiretls_close;

static int answer(text_t **yield, const char *text) {
  *yield = (text_t *) text;
  return 0;
}

/* The n-th argument; NULL: there are not so many. */
static const char *argument(int argc, text_t **argv, int n) {
  return n < argc ? (const char *) argv[n] : NULL;
}

/* Whether a message with this sender has an empty return path. */
static int is_null_path(const char *sender) {
  return *sender == '\0' || strcmp(sender, "<>") == 0;
}

/* Counted up when the shipped files ask what an earlier requiretls-exim.so does not know. */
static const char version[] = "2";

int requiretls_here(text_t **yield, int argc, text_t **argv) {
  const char *asked_for = argument(argc, argv, 0);
  return answer(yield, asked_for && strcmp(asked_for, version) == 0 ? "yes" : "no");
}

int requiretls_mail(text_t **yield, int argc, text_t **argv) {
  const char *line = argument(argc, argv, 0), *cipher = argument(argc, argv, 1);
  if (!line || !cipher) return answer(yield, "!451 4.3.0 requiretls_mail needs the command and the cipher");
  return answer(yield, glue_mail_line(line, *cipher != '\0'));
}

int requiretls_fields(text_t **yield, int argc, text_t **argv) {
  const char *tag = argument(argc, argv, 0), *required = argument(argc, argv, 1), *field = argument(argc, argv, 2);
  const char *asked_for = argument(argc, argv, 3);
  if (!tag || !required || !field) return answer(yield, "!451 4.3.0 requiretls_fields needs a tag and two fields");
  return answer(yield, glue_fields(tag, required, field, asked_for ? asked_for : ""));
}

int requiretls_tag(text_t **yield, int argc, text_t **argv) {
  const char *tag = argument(argc, argv, 0);
  return answer(yield, tag ? glue_tag(tag) : "!");
}

int requiretls_plan(text_t **yield, int argc, text_t **argv) {
  const char *tag = argument(argc, argv, 0), *next_hop = argument(argc, argv, 1), *sender = argument(argc, argv, 2);
  const char *hosts = argument(argc, argv, 3), *uid = argument(argc, argv, 4), *gid = argument(argc, argv, 5);
  if (!tag || !next_hop || !sender || !hosts || !uid || !gid)
    return answer(yield, ":defer: 451 4.3.0 requiretls_plan needs six arguments");
  return answer(yield, glue_route(tag, next_hop, is_null_path(sender), hosts, uid, gid));
}

int requiretls_connect(text_t **yield, int argc, text_t **argv) {
  const char *tag = argument(argc, argv, 0), *next_hop = argument(argc, argv, 1), *sender = argument(argc, argv, 2);
  const char *hosts = argument(argc, argv, 3), *host = argument(argc, argv, 4), *address = argument(argc, argv, 5);
  if (!tag || !next_hop || !sender || !hosts || !host || !address)
    return answer(yield, "requiretls_connect needs six arguments");
  return answer(yield, glue_connect(tag, next_hop, is_null_path(sender), hosts, host, address));
}

int requiretls_ehlo(text_t **yield, int argc, text_t **argv) {
  const char *host = argument(argc, argv, 0), *reply = argument(argc, argv, 1);
  const char *protocol = argument(argc, argv, 2), *cipher = argument(argc, argv, 3);
  if (!host || !reply || !protocol || !cipher) {
    glue_close();
    return answer(yield, "requiretls_ehlo needs four arguments");
  }
  return answer(yield, glue_ehlo(host, reply, protocol, cipher));
}

int requiretls_cert(text_t **yield, int argc, text_t **argv) {
  const char *host = argument(argc, argv, 0), *depth = argument(argc, argv, 1), *base64 = argument(argc, argv, 2);
  if (!host || !depth || !base64) return answer(yield, "requiretls_cert needs three arguments");
  return answer(yield, glue_certificate(host, depth, base64));
}

int requiretls_sni(text_t **yield, int argc, text_t **argv) {
  const char *host = argument(argc, argv, 0);
  return answer(yield, host ? glue_sni(host) : "");
}

int requiretls_gate(text_t **yield, int argc, text_t **argv) {
  const char *host = argument(argc, argv, 0), *cipher = argument(argc, argv, 1);
  if (!host || !cipher) return answer(yield, "*");
  return answer(yield, *glue_gate(host, *cipher != '\0') ? "*" : "");
}

int requiretls_close(text_t **yield, int argc, text_t **argv) {
  (void) argc;
  (void) argv;
  glue_close();
  return answer(yield, "");
}
