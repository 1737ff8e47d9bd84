#include <requiretls.h>
#include <stdio.h>

/* "NAME" or "NAME=VALUE", as in MAIL FROM. */
static const char *const parameters[][2] = {
  { "SIZE", "4096" },
  { "REQUIRETLS", NULL }
};

int main(void)
{
  rtls_ctx *ctx;
  rtls_mail mail;
  char tag[RTLS_TAG_SIZE], err[256];
  const char *keyword;
  size_t i;

  if (rtls_open(&ctx, NULL, err, sizeof err) != RTLS_GO) return 78;
  for (i = 0; (keyword = rtls_ehlo_keyword(ctx, RTLS_F_TLS, i)) != NULL; i++)
    printf("250-%s\n", keyword);

  rtls_mail_begin(&mail, sizeof mail, ctx, RTLS_F_TLS);
  for (i = 0; i < sizeof parameters / sizeof parameters[0]; i++)
    if (rtls_mail_param(&mail, parameters[i][0], RTLS_NUL,
                        parameters[i][1], RTLS_NUL) == RTLS_NOT_OURS)
      printf("%s is for the server\n", parameters[i][0]);
  if (rtls_mail_end(&mail, tag, sizeof tag) == RTLS_REFUSED) {
    printf("%d %s %s\n", mail.reply.code, mail.reply.enhanced, mail.reply.text);
    return 65;
  }

  /* After DATA: the message's own header section. */
  rtls_mail_header(&mail, "TLS-Required", RTLS_NUL, " No", RTLS_NUL);
  if (rtls_mail_end(&mail, tag, sizeof tag) == RTLS_TAKEN)
    printf("keep \"%s\" with the message\n", tag); /* the parameter overrules */
  rtls_close(ctx);
  return 0;
}
