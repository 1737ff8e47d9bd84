#include <requiretls.h>
#include <stdio.h>

int main(void)
{
  rtls_ctx *ctx;
  rtls_plan *plan;
  rtls_reply reply;
  char err[256];

  if (rtls_open(&ctx, NULL, err, sizeof err) != RTLS_GO) return 78;

  /* A route of the site's own instead of MX records, to port 2525. */
  plan = rtls_plan_new(ctx, "partner.example", 2525, "1.encrypt", RTLS_F_NULL_PATH);
  if (rtls_plan_add_host(plan, "192.0.2.1") != RTLS_GO
      || rtls_plan_add_host(plan, "192.0.2.2") != RTLS_GO
      || rtls_plan_lookup(plan, 20000) != RTLS_GO)
    fprintf(stderr, "no host may be tried\n");

  /* Here the hosts are tried. */

  switch (rtls_plan_verdict(plan, &reply)) {
  case RTLS_GO:
    printf("what the server says itself\n");
    break;
  case RTLS_BOUNCE:
    printf("return it: %d %s %s\n", reply.code, reply.enhanced, reply.text);
    break;
  default: /* RTLS_DEFER, and whatever later versions may say */
    printf("keep it: %d %s %s\n", reply.code, reply.enhanced, reply.text);
  }
  rtls_plan_free(plan);
  rtls_close(ctx);
  return 0;
}
