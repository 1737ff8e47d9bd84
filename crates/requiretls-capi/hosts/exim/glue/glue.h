/* What do the parts of requiretls-exim.so share?
 *
 * Exim calls the functions of entry.c in ${dlfunc}; each of them asks one part: inbound.c (what did the sender require?),
 * router.c (may mail go to that domain?) or connection.c (may it go over this connection?). A part hands its answer out as a
 * text in a buffer of its own, which stays until it is asked again in the same process; Exim copies it at once. */
#ifndef REQUIRETLS_EXIM_GLUE_H
#define REQUIRETLS_EXIM_GLUE_H

#include <stddef.h>
#include "requiretls.h"

/* How long a look-up may take, in milliseconds, and how much longer its process has to tell the result. */
#define GLUE_LOOKUP_MS 20000
#define GLUE_PROCESS_MS (GLUE_LOOKUP_MS + 5000)

/* Room for the texts of a router: a domain has up to 32 hosts. */
#define GLUE_ANSWER_SIZE 16384

/* The context of this process, opened when it is first asked for; a child does not use its parent's. NULL: it cannot be
   had, and glue_why says why. */
rtls_ctx *glue_context(void);
const char *glue_why(void);

/* Seconds of a clock that nobody sets. */
long glue_now(void);

/* Whether there is nothing in text but what a log line or a list of Exim may hold: printable ASCII. */
int glue_is_plain(const char *text);

/* Copies a text, and cuts it where it does not fit. */
void glue_copy(char *to, size_t size, const char *from);

/* The answer to MAIL: a tag, "" or "!code enhanced text". */
const char *glue_mail_line(const char *line, int inside_tls);
/* A tag from before, merged with fields that anybody may have written, several of one name parted by newlines, and with the tag
   that MAIL asked for. */
const char *glue_fields(const char *tag, const char *tls_required, const char *tag_field, const char *asked_for);
/* The same tag if it can be read, else "!". */
const char *glue_tag(const char *tag);

/* What a router has to know: see requiretls_plan in entry.c. */
const char *glue_route(const char *tag, const char *next_hop, int null_path, const char *hosts, const char *uid,
                       const char *gid);
/* The look-up itself, in the process that it is made in: fills answer. */
void glue_look_up(const char *tag, const char *next_hop, int null_path, const char *hosts, char *answer, size_t size);
/* The hosts of a plan that may be used: names with one of their addresses each, "" where none is known. */
#define GLUE_HOSTS 256
struct glue_host {
  char name[RTLS_HOST_SIZE], address[64];
  /* Nothing forbids to speak to it without TLS. */
  int in_clear;
};
struct glue_hosts {
  size_t count;
  /* There were no more than have room. */
  int is_whole;
  struct glue_host all[GLUE_HOSTS];
};
/* Asks the plan for each of its hosts in turn, which leaves none to be tried. */
void glue_hosts_of(struct glue_hosts *hosts, rtls_plan *plan);
/* The name that the plan knows a host of Exim's by; NULL: it is none of the plan's. */
const char *glue_host_name(const struct glue_hosts *hosts, const char *name, const char *address);
int glue_same_address(const char *one, const char *other);

/* A plan for this next hop with the hosts of the site's own route, if there are any. */
rtls_plan *glue_plan(const rtls_ctx *ctx, const char *tag, const char *next_hop, int null_path, const char *hosts);

/* One connection, in the order of the calls. "" is yes; else the reason, in one line. */
const char *glue_connect(const char *tag, const char *next_hop, int null_path, const char *hosts, const char *host,
                         const char *address);
const char *glue_ehlo(const char *host, const char *reply, const char *protocol, const char *cipher);
const char *glue_certificate(const char *host, const char *depth, const char *base64);
/* The name for the TLS handshake: as the library knows the host, which may be an alias of what Exim calls it. */
const char *glue_sni(const char *host);
const char *glue_gate(const char *host, int inside_tls);
/* The connection is closed. */
void glue_close(void);

#endif
