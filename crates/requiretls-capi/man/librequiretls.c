#include <requiretls.h>
#include <stdio.h>

int main(void)
{
  rtls_ctx *ctx;
  rtls_mail mail;
  rtls_plan *plan;
  rtls_reply reply;
  char tag[RTLS_TAG_SIZE], err[256];
  int verdict;

  if (rtls_open(&ctx, NULL, err, sizeof err) != RTLS_GO) {
    fprintf(stderr, "%s\n", err);
    return 78;
  }

  /* What did the sender require? */
  rtls_mail_begin(&mail, sizeof mail, ctx, RTLS_F_TLS);
  rtls_mail_line(&mail, "MAIL FROM:<ann@example.org> REQUIRETLS", RTLS_NUL);
  if (rtls_mail_end(&mail, tag, sizeof tag) == RTLS_REFUSED) {
    printf("%d %s %s\n", mail.reply.code, mail.reply.enhanced, mail.reply.text);
    return 65;
  }

  /* May the message go to example.net? */
  plan = rtls_plan_new(ctx, "example.net", 25, tag, 0);
  rtls_plan_lookup(plan, 20000);
  verdict = rtls_plan_verdict(plan, &reply);
  if (verdict != RTLS_GO)
    printf("%s: %d %s %s\n", verdict == RTLS_BOUNCE ? "return it" : "keep it",
           reply.code, reply.enhanced, reply.text);
  rtls_plan_free(plan);
  rtls_close(ctx);
  return 0;
}
