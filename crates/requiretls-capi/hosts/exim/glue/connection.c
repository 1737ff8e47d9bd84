/* May the message go over this connection?
 *
 * Asked in the process that Exim makes for one transport and one list of hosts, as Exim's user; several run at once. It makes a
 * plan of its own. Only what was seen of the present connection counts: a process that has seen none, because Exim handed it one
 * that is open already, gets no for an answer. */
#define _POSIX_C_SOURCE 200112L
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>
#include "glue.h"

/* Seconds that a plan serves further hosts of the same mail. */
#define PLAN_SECONDS 60
/* As much of a chain as the library judges. */
#define CHAIN_LENGTH 16
#define CHAIN_SIZE (256 * 1024)
#define EHLO_SIZE (64 * 1024)

static struct {
  pid_t owner;
  /* For these. */
  char tag[RTLS_TAG_SIZE], next_hop[RTLS_HOST_SIZE], hosts[1024];
  int null_path;
  long since;
  rtls_plan *plan;
  struct glue_hosts known;
  /* The host that is connected to, as Exim calls it; "": none. */
  char host[RTLS_HOST_SIZE];
  /* What the latest step said, and the reply to EHLO before TLS. */
  int act;
  char ehlo[EHLO_SIZE];
  /* Certificates by their depth, DER one behind the other. */
  rtls_bytes chain[CHAIN_LENGTH];
  unsigned char der[CHAIN_SIZE];
  size_t der_length;
} *now;

static char reason[sizeof(rtls_reply) + 32];

static const char *say(const char *text) {
  glue_copy(reason, sizeof reason, *text ? text : "no reason was given");
  return reason;
}

/* What the library says against the latest step. */
static const char *objection(void) {
  const char *why = rtls_plan_get(now->plan, RTLS_GET_WHY, 0);
  return say(why ? why : "this step was not allowed");
}

/* The state of this process, without that of a parent. */
static int begin(void) {
  if (!now) now = calloc(1, sizeof *now);
  if (!now) return 0;
  if (now->owner != getpid()) {
    memset(now, 0, sizeof *now);
    now->owner = getpid();
  }
  return 1;
}

/* Whether this is the host that the connection of this process leads to. */
static int is_current(const char *host) {
  return now && now->owner == getpid() && now->plan && *now->host && strcmp(now->host, host) == 0;
}

static int serves(const char *tag, const char *next_hop, int null_path, const char *hosts) {
  return now->plan && strcmp(now->tag, tag) == 0 && strcmp(now->next_hop, next_hop) == 0 && now->null_path == null_path &&
         strcmp(now->hosts, hosts) == 0 && glue_now() - now->since < PLAN_SECONDS;
}

/* A plan with its look-up; the reason why there is none, or "". */
static const char *make_plan(const char *tag, const char *next_hop, int null_path, const char *hosts) {
  rtls_reply reply;
  rtls_plan *another;
  const rtls_ctx *context;
  rtls_plan_free(now->plan);
  now->plan = NULL;
  if (strlen(tag) >= sizeof now->tag || strlen(next_hop) >= sizeof now->next_hop || strlen(hosts) >= sizeof now->hosts)
    return say("the tag, the next hop or its hosts are too long");
  context = glue_context();
  if (!context) return say(glue_why());
  now->plan = glue_plan(context, tag, next_hop, null_path, hosts);
  if (!now->plan) return say("there is no plan for this next hop");
  if (rtls_plan_lookup(now->plan, GLUE_LOOKUP_MS) != RTLS_GO) {
    rtls_plan_verdict(now->plan, &reply);
    rtls_plan_free(now->plan);
    now->plan = NULL;
    return say(reply.text);
  }
  /* Another plan is asked who the hosts are, so that this one has tried none. What is known serves it too. */
  another = glue_plan(context, tag, next_hop, null_path, hosts);
  now->known.count = 0;
  if (another && rtls_plan_lookup(another, 0) == RTLS_GO) glue_hosts_of(&now->known, another);
  rtls_plan_free(another);
  strcpy(now->tag, tag);
  strcpy(now->next_hop, next_hop);
  strcpy(now->hosts, hosts);
  now->null_path = null_path;
  now->since = glue_now();
  return "";
}

const char *glue_connect(const char *tag, const char *next_hop, int null_path, const char *hosts, const char *host,
                         const char *address) {
  const char *why, *name;
  if (!begin()) return "no memory";
  /* Nothing of another connection is left, whatever comes of this one. */
  *now->host = '\0';
  now->act = RTLS_DEFER;
  now->der_length = 0;
  memset(now->chain, 0, sizeof now->chain);
  /* Exim's transports are not root; one that were would have the network's bytes read by root here. */
  if (geteuid() == 0) return say("nothing is looked up as root");
  if (!serves(tag, next_hop, null_path, hosts)) {
    why = make_plan(tag, next_hop, null_path, hosts);
    if (*why) return why;
  }
  if (strlen(host) >= sizeof now->host) return say("the host's name is too long");
  name = glue_host_name(&now->known, host, address);
  if (rtls_plan_host(now->plan, name ? name : host) != RTLS_GO) return objection();
  /* A host that nobody has found may be used for mail that asks for nothing, as the library sees it. Here it is asked because
     something is asked of a host of this domain, and Exim may know that one by another name. */
  if (!name) return say("it is not among the hosts that were found for the next hop");
  strcpy(now->host, host);
  return "";
}

const char *glue_ehlo(const char *host, const char *reply, const char *protocol, const char *cipher) {
  if (!is_current(host)) return say("nothing is known of this connection");
  if (*cipher && (now->act = rtls_plan_tls(now->plan, protocol, cipher)) != RTLS_GO) return objection();
  now->act = rtls_plan_ehlo(now->plan, reply, RTLS_NUL);
  glue_copy(now->ehlo, sizeof now->ehlo, *cipher ? "" : reply);
  return now->act == RTLS_GO || now->act == RTLS_STARTTLS ? "" : objection();
}

const char *glue_sni(const char *host) {
  const char *name = is_current(host) ? rtls_plan_get(now->plan, RTLS_GET_SNI, 0) : NULL;
  return name ? name : "";
}

static int value_of(char digit) {
  static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const char *place = digit ? strchr(digits, digit) : NULL;
  return place ? (int) (place - digits) : -1;
}

/* Decodes base64; the length, or 0: it is none, or does not fit. */
static size_t decode(const char *text, unsigned char *to, size_t room) {
  unsigned long bits = 0;
  size_t length = 0;
  int held = 0;
  for (; *text && *text != '='; text++) {
    int value = value_of(*text);
    if (value < 0) return 0;
    bits = (bits << 6 | (unsigned long) value) & 0xffffffUL;
    held += 6;
    if (held < 8) continue;
    held -= 8;
    if (length == room) return 0;
    to[length++] = (unsigned char) (bits >> held & 0xff);
  }
  return text[strspn(text, "=")] == '\0' ? length : 0;
}

const char *glue_certificate(const char *host, const char *depth, const char *base64) {
  size_t length, n = 0;
  long at;
  char *end;
  if (!is_current(host)) return say("nothing is known of this connection");
  at = strtol(depth, &end, 10);
  if (*depth == '\0' || *end || at < 0) return say("a certificate without its depth");
  /* A chain that is too long is judged by the end that counts. */
  if (at >= CHAIN_LENGTH) return "";
  length = decode(base64, now->der + now->der_length, sizeof now->der - now->der_length);
  if (length == 0) return say("a certificate that cannot be read");
  now->chain[at].data = now->der + now->der_length;
  now->chain[at].len = length;
  now->der_length += length;
  /* The peer's own comes last. */
  if (at > 0) return "";
  while (n < CHAIN_LENGTH && now->chain[n].data) n++;
  now->act = rtls_plan_peer(now->plan, now->chain, n);
  return now->act == RTLS_GO ? "" : objection();
}

const char *glue_gate(const char *host, int inside_tls) {
  char parameters[RTLS_PARAMS_SIZE];
  if (!is_current(host)) return say("nothing is known of this connection");
  if (!inside_tls && now->act == RTLS_STARTTLS) {
    /* It was offered, and is not used: the handshake failed before, or Exim's own settings forbid it. */
    now->act = rtls_plan_tls_failed(now->plan, RTLS_TLS_LOST, "TLS is not in use");
    if (now->act == RTLS_GO) now->act = rtls_plan_ehlo(now->plan, now->ehlo, RTLS_NUL);
  }
  if (now->act != RTLS_GO) return say("this connection was refused");
  if (rtls_plan_mail_params(now->plan, parameters, sizeof parameters) != RTLS_GO) return objection();
  /* Stock Exim has no way to send them. */
  return *parameters ? say("the message needs a parameter that is not sent here") : "";
}

void glue_close(void) {
  if (!now || now->owner != getpid() || !*now->host) return;
  rtls_plan_done(now->plan, RTLS_CLOSED, NULL, NULL);
  *now->host = '\0';
}
