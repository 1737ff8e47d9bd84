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

static const char begins[] = "<; ", ends[] = "*";

/* Adds an item that lets a host go in clear. One that does not fit is left out, and its host needs TLS. */
static void add_clear(struct clear *clear, const char *item) {
  if (clear->length + strlen(item) + sizeof "!  ; " + sizeof begins + sizeof ends > sizeof clear->list) return;
  clear->length += (size_t) sprintf(clear->list + clear->length, "! %s ; ", item);
}

/* Its name, as a pattern that nothing in the name can change. */
static void add_name(struct clear *clear, const char *host) {
  char item[2 * RTLS_HOST_SIZE + 16] = "^(?i)";
  size_t n = strlen(item);
  for (; *host && n + 4 < sizeof item; host++) {
    if (*host == '.')
      item[n++] = '\\';
    else if (!strchr("abcdefghijklmnopqrstuvwxyz0123456789-_", *host))
      return;
    item[n++] = *host;
  }
  if (*host) return;
  strcpy(item + n, "$");
  add_clear(clear, item);
}

/* Its address, unless a host that needs TLS has it as well. Exim may call the host by another name than its MX record. */
static void add_address(struct clear *clear, const struct glue_hosts *hosts, const char *address) {
  size_t i;
  if (!*address || !hosts->is_whole) return;
  for (i = 0; i < hosts->count; i++)
    if (!hosts->all[i].in_clear && glue_same_address(hosts->all[i].address, address)) return;
  add_clear(clear, address);
}

/* What the hosts of the plan must reach: whether any may be used, and which of these need no TLS. */
static void survey(rtls_plan *plan, int *usable, int *bound, struct clear *clear) {
  static struct glue_hosts hosts;
  const char *last = "";
  size_t i;
  glue_hosts_of(&hosts, plan);
  for (i = 0; i < hosts.count; i++) {
    const struct glue_host *host = &hosts.all[i];
    *usable = 1;
    if (!host->in_clear) {
      *bound = 1;
      continue;
    }
    if (strcmp(host->name, last) != 0) add_name(clear, host->name);
    last = host->name;
    add_address(clear, &hosts, host->address);
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
    sprintf(answer, "%s%.*s%s", begins, (int) clear.length, clear.list, ends);
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
