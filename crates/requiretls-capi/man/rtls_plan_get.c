#include <requiretls.h>
#include <stdio.h>

static void tell(const rtls_plan *plan, const char *name, int what)
{
  const char *text;
  size_t i;
  for (i = 0; (text = rtls_plan_get(plan, what, i)) != NULL; i++)
    printf("%s: %s\n", name, text);
}

int main(int argc, char **argv)
{
  rtls_ctx *ctx;
  rtls_plan *plan;
  char host[RTLS_HOST_SIZE], err[256];

  if (argc != 2 || rtls_open(&ctx, NULL, err, sizeof err) != RTLS_GO) return 78;
  plan = rtls_plan_new(ctx, argv[1], 25, "", 0);
  if (rtls_plan_lookup(plan, 20000) == RTLS_GO
      && rtls_plan_next(plan, host, sizeof host) == RTLS_GO) {
    printf("host: %s\n", host);
    tell(plan, "level", RTLS_GET_LEVEL);
    tell(plan, "method", RTLS_GET_METHOD);
    tell(plan, "server name to send", RTLS_GET_SNI);
    tell(plan, "name in the certificate", RTLS_GET_NAME);
    tell(plan, "address", RTLS_GET_ADDRESS);
    tell(plan, "seconds until that expires", RTLS_GET_TTL);
  } else
    tell(plan, "why not", RTLS_GET_WHY);
  rtls_plan_free(plan);
  rtls_close(ctx);
  return 0;
}
