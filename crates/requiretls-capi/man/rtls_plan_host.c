#include <requiretls.h>
#include <stdio.h>
#include <string.h>

/* Connects and sends; returns the code of the last reply, 0 without one. */
static int send_to(rtls_plan *plan, const char *host, const char *address)
{
  (void) plan;
  printf("%s [%s]\n", host, address);
  return 0;
}

int main(void)
{
  rtls_ctx *ctx;
  rtls_plan *plan;
  char host[RTLS_HOST_SIZE], last[RTLS_HOST_SIZE] = "", err[256];
  const char *address;
  size_t n = 0;
  int code;

  if (rtls_open(&ctx, NULL, err, sizeof err) != RTLS_GO) return 78;
  plan = rtls_plan_new(ctx, "example.net", 25, "", 0);
  if (rtls_plan_lookup(plan, 20000) == RTLS_GO)
    while (rtls_plan_next(plan, host, sizeof host) == RTLS_GO) {
      n = strcmp(host, last) == 0 ? n + 1 : 0; /* the n-th time for the n-th address */
      strcpy(last, host);
      address = rtls_plan_get(plan, RTLS_GET_ADDRESS, n);
      code = send_to(plan, host, address != NULL ? address : "");
      if (rtls_plan_done(plan, code, NULL, NULL) == RTLS_GO) break;
    }
  rtls_plan_free(plan);
  rtls_close(ctx);
  return 0;
}
