#include <requiretls.h>
#include <stdio.h>

/* The server's own SMTP and TLS, which stand here for any. */
static const char *ehlo(void) { return "250-mx.example.net\r\n250 REQUIRETLS\r\n"; }
static int starttls(const char *sni) { return sni != NULL ? 454 : 0; }
static size_t chain_of_peer(rtls_bytes *chain) { chain[0].len = 0; return 0; }
static int mail_from(const char *parameters) { return *parameters != '\0' ? 250 : 555; }

/* From EHLO to the reply to MAIL FROM, after rtls_plan_host said RTLS_GO. */
static int approach(rtls_plan *plan)
{
  rtls_bytes chain[16];
  char parameters[RTLS_PARAMS_SIZE];
  int action, code;

  action = rtls_plan_ehlo(plan, ehlo(), RTLS_NUL);
  if (action == RTLS_STARTTLS) {
    code = starttls(rtls_plan_get(plan, RTLS_GET_SNI, 0));
    if (code != 220) return rtls_plan_tls_failed(plan, code, "STARTTLS");
    if ((action = rtls_plan_tls(plan, "TLSv1.3", "TLS_AES_256_GCM_SHA384")) != RTLS_GO
        || (action = rtls_plan_peer(plan, chain, chain_of_peer(chain))) != RTLS_GO)
      return action;
    action = rtls_plan_ehlo(plan, ehlo(), RTLS_NUL); /* what was said before does not count */
  }
  if (action != RTLS_GO) return action;
  do {
    if ((action = rtls_plan_mail_params(plan, parameters, sizeof parameters)) != RTLS_GO)
      return action; /* send nothing */
    code = mail_from(parameters);
    action = rtls_plan_mail_reply(plan, code, NULL); /* RTLS_AGAIN: after RSET */
  } while (action == RTLS_AGAIN);
  return action;
}

int main(void)
{
  printf("%d\n", approach(NULL)); /* a plan that is not there holds the mail: 0 */
  return 0;
}
