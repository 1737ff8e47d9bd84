/* What is known about a next hop, and which of its hosts may do without TLS?
 *
 * Asked where the network may be asked: in a process that is Exim's user. */
#define _POSIX_C_SOURCE 200112L
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "glue.h"

/* Where the site's route names hosts, they take the place of MX records: names parted by ":", blanks around them; a port
   is not part of a host's name here. */
static int add_hosts(rtls_plan *plan, const char *hosts) {
  char host[RTLS_HOST_SIZE];
  while (*hosts) {
    size_t length;
    hosts += strspn(hosts, ": ");
    length = strcspn(hosts, ": ");
    if (length >= sizeof host) return RTLS_DEFER;
    if (length > 0) {
      memcpy(host, hosts, length);
      host[length] = '\0';
      if (rtls_plan_add_host(plan, host) != RTLS_GO) return RTLS_DEFER;
    }
    hosts += length;
  }
  return RTLS_GO;
}

rtls_plan *glue_plan(const rtls_ctx *ctx, const char *tag, const char *next_hop, int null_path, const char *hosts) {
  rtls_plan *plan = rtls_plan_new(ctx, next_hop, 0, tag, null_path ? RTLS_F_NULL_PATH : 0);
  if (plan && add_hosts(plan, hosts) == RTLS_GO) return plan;
  rtls_plan_free(plan);
  return NULL;
}

/* The hosts that may be spoken to in clear, as a host list: all others must not be. */
struct clear {
  char list[GLUE_ANSWER_SIZE];
  size_t length;
};

static const char before[] = "! ^(?i)(", after[] = ")$ : *";

/* Adds a host to the pattern. A name that does not fit, or that is none, is left out, and so needs TLS. */
static void add_clear(struct clear *clear, const char *host) {
  char name[2 * RTLS_HOST_SIZE + 1];
  size_t n = 0;
  name[n++] = '|';
  for (; *host && n + 2 < sizeof name; host++) {
    if (*host == '.')
      name[n++] = '\\';
    else if (!strchr("abcdefghijklmnopqrstuvwxyz0123456789-_", *host))
      return;
    name[n++] = *host;
  }
  if (*host || clear->length + n + sizeof before + sizeof after > sizeof clear->list) return;
  memcpy(clear->list + clear->length, name, n);
  clear->length += n;
}

/* What the hosts of the plan must reach: whether any may be used, and which of these need no TLS. */
static void survey(rtls_plan *plan, int *usable, int *bound, struct clear *clear) {
  char host[RTLS_HOST_SIZE], last[RTLS_HOST_SIZE] = "";
  while (rtls_plan_next(plan, host, sizeof host) == RTLS_GO) {
    const char *level = rtls_plan_get(plan, RTLS_GET_LEVEL, 0);
    *usable = 1;
    /* It comes once for each of its addresses. */
    if (strcmp(host, last) == 0) continue;
    strcpy(last, host);
    if (level && strcmp(level, "may") == 0)
      add_clear(clear, host);
    else
      *bound = 1;
  }
}

static void write_reply(char *answer, size_t size, const char *what, const rtls_reply *reply) {
  char line[sizeof(rtls_reply) + 64];
  sprintf(line, ":%s: %d %s %s", what, reply->code, reply->enhanced, reply->text);
  glue_copy(answer, size, line);
}

void glue_look_up(const char *tag, const char *next_hop, int null_path, const char *hosts, char *answer, size_t size) {
  static struct clear clear;
  rtls_reply reply;
  rtls_plan *plan;
  int usable = 0, bound = 0, act;
  const rtls_ctx *context = glue_context();
  glue_copy(answer, size, ":defer: 451 4.3.5 ");
  if (!context) {
    glue_copy(answer + strlen(answer), size - strlen(answer), glue_why());
    return;
  }
  plan = glue_plan(context, tag, next_hop, null_path, hosts);
  clear.length = 0;
  if (plan && rtls_plan_lookup(plan, GLUE_LOOKUP_MS) == RTLS_GO) survey(plan, &usable, &bound, &clear);
  act = rtls_plan_verdict(plan, &reply);
  if (!plan)
    glue_copy(answer, size, ":defer: 451 4.3.0 there is no plan for this next hop");
  else if (usable && !bound && act == RTLS_GO)
    *answer = '\0';
  else if (usable && clear.length == 0)
    glue_copy(answer, size, "*");
  else if (usable)
    /* The first name has a bar before it. */
    sprintf(answer, "%s%.*s%s", before, (int) clear.length - 1, clear.list + 1, after);
  else if (act == RTLS_BOUNCE)
    /* No such domain, say: what stock Exim makes of that is as good, where nobody has asked for more. */
    if (*tag == '\0')
      *answer = '\0';
    else
      write_reply(answer, size, "fail", &reply);
  else if (act == RTLS_GO)
    /* Nothing of ours is against it, and there is no host either. */
    *answer = '\0';
  else
    write_reply(answer, size, "defer", &reply);
  rtls_plan_free(plan);
}
