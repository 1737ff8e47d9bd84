/* Which host of a plan does Exim mean?
 *
 * A plan knows a host by the name in its MX record. Exim has the name behind a CNAME, where there is one; then the addresses
 * tell which host it is. */
#define _POSIX_C_SOURCE 200112L
#include <arpa/inet.h>
#include <string.h>
#include <strings.h>
#include "glue.h"

static void add(struct glue_hosts *hosts, const char *name, const char *address, int in_clear) {
  struct glue_host *host = &hosts->all[hosts->count];
  if (hosts->count == GLUE_HOSTS || strlen(name) >= sizeof host->name || strlen(address) >= sizeof host->address) {
    hosts->is_whole = 0;
    return;
  }
  strcpy(host->name, name);
  strcpy(host->address, address);
  host->in_clear = in_clear;
  hosts->count++;
}

void glue_hosts_of(struct glue_hosts *hosts, rtls_plan *plan) {
  char name[RTLS_HOST_SIZE], last[RTLS_HOST_SIZE] = "";
  hosts->count = 0;
  hosts->is_whole = 1;
  while (rtls_plan_next(plan, name, sizeof name) == RTLS_GO) {
    const char *level = rtls_plan_get(plan, RTLS_GET_LEVEL, 0), *address;
    int in_clear = level && strcmp(level, "may") == 0;
    size_t i;
    /* It comes once for each of its addresses. */
    if (strcmp(name, last) == 0) continue;
    strcpy(last, name);
    for (i = 0; (address = rtls_plan_get(plan, RTLS_GET_ADDRESS, i)) != NULL; i++) add(hosts, name, address, in_clear);
    if (i == 0) add(hosts, name, "", in_clear);
  }
}

int glue_same_address(const char *one, const char *other) {
  unsigned char a[16], b[16];
  if (inet_pton(AF_INET, one, a) == 1) return inet_pton(AF_INET, other, b) == 1 && memcmp(a, b, 4) == 0;
  return inet_pton(AF_INET6, one, a) == 1 && inet_pton(AF_INET6, other, b) == 1 && memcmp(a, b, 16) == 0;
}

const char *glue_host_name(const struct glue_hosts *hosts, const char *name, const char *address) {
  size_t i;
  for (i = 0; i < hosts->count; i++)
    if (strcasecmp(hosts->all[i].name, name) == 0) return hosts->all[i].name;
  for (i = 0; i < hosts->count; i++)
    if (glue_same_address(hosts->all[i].address, address)) return hosts->all[i].name;
  return NULL;
}
