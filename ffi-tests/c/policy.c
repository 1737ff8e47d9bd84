/* What is known about a next hop, as a policy service of a mail server would ask: nothing is connected to.
 *
 *   policy [-c config] [-p port] [-t milliseconds] next-hop [tag]
 *
 * One line for each host that may be tried, in the order to try: what must be reached there and how the host has to be
 * authenticated. Then the verdict so far. The exit status is that of sender.c: 0, 69 return it, 75 keep it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <requiretls.h>

/* All texts of one kind, separated by commas. */
static void tell(const rtls_plan *p, const char *name, int what)
{
  const char *text;
  size_t i;
  for (i = 0; (text = rtls_plan_get(p, what, i)) != NULL; i++) printf("%s%s", i == 0 ? name : ",", text);
}

static int policy(const rtls_ctx *ctx, const char *next_hop, unsigned port, unsigned wait, const char *tag)
{
  char host[RTLS_HOST_SIZE], last[RTLS_HOST_SIZE] = "";
  rtls_plan *p = rtls_plan_new(ctx, next_hop, port, tag, 0);
  rtls_reply reply;
  int verdict = rtls_plan_lookup(p, wait);

  if (verdict == RTLS_GO) {
    printf("next_hop=%s", next_hop);
    tell(p, " policy=", RTLS_GET_POLICY_TYPE);
    tell(p, " at=", RTLS_GET_POLICY_DOMAIN);
    tell(p, " failure=", RTLS_GET_POLICY_FAILURE);
    tell(p, " mx=", RTLS_GET_MX_PATTERN);
    printf("\n");
    while (rtls_plan_next(p, host, sizeof host) == RTLS_GO) {
      if (strcmp(host, last) == 0) continue;    /* a host comes once for each of its addresses */
      strcpy(last, host);
      printf("host=%s", host);
      tell(p, " level=", RTLS_GET_LEVEL);
      tell(p, " method=", RTLS_GET_METHOD);
      tell(p, " sni=", RTLS_GET_SNI);
      tell(p, " names=", RTLS_GET_NAME);
      tell(p, " addresses=", RTLS_GET_ADDRESS);
      printf("\n");
    }
  } else {
    verdict = rtls_plan_verdict(p, &reply);
    printf("%s %d %s %s\n", verdict == RTLS_BOUNCE ? "bounce" : "defer", reply.code, reply.enhanced, reply.text);
  }
  rtls_plan_free(p);
  return verdict == RTLS_GO ? 0 : verdict == RTLS_BOUNCE ? 69 : 75;
}

int main(int argc, char **argv)
{
  const char *config = NULL, *next_hop = NULL, *tag = "";
  unsigned port = 0, wait = 10000;
  char err[512];
  rtls_ctx *ctx;
  int i, status;

  for (i = 1; i < argc; i++) {
    if (strcmp(argv[i], "-c") == 0 && i + 1 < argc) config = argv[++i];
    else if (strcmp(argv[i], "-p") == 0 && i + 1 < argc) port = (unsigned) strtoul(argv[++i], NULL, 10);
    else if (strcmp(argv[i], "-t") == 0 && i + 1 < argc) wait = (unsigned) strtoul(argv[++i], NULL, 10);
    else if (next_hop == NULL) next_hop = argv[i];
    else tag = argv[i];
  }
  if (next_hop == NULL) {
    fprintf(stderr, "usage: policy [-c config] [-p port] [-t milliseconds] next-hop [tag]\n");
    return 64;
  }
  if (rtls_open(&ctx, config, err, sizeof err) != RTLS_GO) {
    fprintf(stderr, "policy: %s\n", err);
    return 78;
  }
  status = policy(ctx, next_hop, port, wait, tag);
  rtls_close(ctx);
  return status;
}
