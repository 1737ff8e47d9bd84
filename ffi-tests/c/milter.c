/* A mail filter that asks the first question for a server which passes MAIL FROM parameters on to its filters.
 *
 *   milter [-c config] socket          socket: as smfi_setconn wants it, "inet:8894@127.0.0.1" for one
 *
 * What a client requires is kept with the message as the field RequireTLS-Tag, or is refused. Whoever sends the message on reads
 * the field again. What comes in with a message of that name could be anybody's, so it may raise what is asked and never lower it,
 * and is replaced. A server that knows the requirement itself, a patched Sendmail say, tells it by the macro {requiretls}, which
 * is believed. The server must pass the macro {tls_version}, as all do by default: without it the client counts as outside TLS.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <libmilter/mfapi.h>
#include <requiretls.h>

#define FIELD "RequireTLS-Tag"

/* What is kept for one connection. rtls_mail is a plain value: whenever the server breaks off, there is nothing to free in it. */
struct message {
  rtls_mail mail;
  int tags;                     /* how many fields of ours the message has brought */
};

static rtls_ctx *ctx;           /* read once, used by all threads */

static sfsistat refuse(SMFICTX *m, const rtls_mail *mail)
{
  char code[8], enhanced[sizeof mail->reply.enhanced], text[sizeof mail->reply.text];
  sprintf(code, "%d", mail->reply.code);
  strcpy(enhanced, mail->reply.enhanced);
  strcpy(text, mail->reply.text);       /* never has a percent sign, which libmilter does not take */
  smfi_setreply(m, code, enhanced, text);
  return mail->reply.code / 100 == 4 ? SMFIS_TEMPFAIL : SMFIS_REJECT;
}

/* MAIL FROM: argv has the path and then the parameters, one string each. */
static sfsistat on_mail(SMFICTX *m, char **argv)
{
  struct message *message = smfi_getpriv(m);
  const char *tls = smfi_getsymval(m, (char *) "{tls_version}"), *known = smfi_getsymval(m, (char *) "{requiretls}");
  char tag[RTLS_TAG_SIZE], *equals;
  size_t len;

  if (message == NULL && (message = malloc(sizeof *message)) != NULL) smfi_setpriv(m, message);
  if (message == NULL) return SMFIS_TEMPFAIL;
  message->tags = 0;
  rtls_mail_begin(&message->mail, sizeof message->mail, ctx, tls != NULL && *tls != '\0' ? RTLS_F_TLS : 0);
  if (known != NULL) rtls_mail_tag(&message->mail, known, RTLS_NUL, 0);
  while (*argv != NULL && *++argv != NULL) {
    equals = strchr(*argv, '=');
    len = equals != NULL ? (size_t) (equals - *argv) : strlen(*argv);
    rtls_mail_param(&message->mail, *argv, len, equals != NULL ? equals + 1 : NULL, RTLS_NUL);
  }
  return rtls_mail_end(&message->mail, tag, sizeof tag) == RTLS_REFUSED ? refuse(m, &message->mail) : SMFIS_CONTINUE;
}

static sfsistat on_field(SMFICTX *m, char *name, char *value)
{
  struct message *message = smfi_getpriv(m);
  const char *tag = value + strspn(value, " \t");
  size_t i;

  if (message == NULL) return SMFIS_TEMPFAIL;
  rtls_mail_header(&message->mail, name, RTLS_NUL, value, RTLS_NUL);
  for (i = 0; FIELD[i] != '\0' && (name[i] | 0x20) == (FIELD[i] | 0x20); i++);
  if (FIELD[i] != '\0' || name[i] != '\0') return SMFIS_CONTINUE;
  message->tags++;
  rtls_mail_tag(&message->mail, tag, strcspn(tag, " \t\r\n"), RTLS_F_RAISE_ONLY);
  return SMFIS_CONTINUE;
}

/* The message is whole: one field tells what was asked, and no other one of that name is left. */
static sfsistat on_end(SMFICTX *m)
{
  struct message *message = smfi_getpriv(m);
  char tag[RTLS_TAG_SIZE];

  if (message == NULL) return SMFIS_TEMPFAIL;
  if (rtls_mail_end(&message->mail, tag, sizeof tag) == RTLS_REFUSED) return refuse(m, &message->mail);
  for (; message->tags > 0; message->tags--)
    if (smfi_chgheader(m, (char *) FIELD, message->tags, NULL) != MI_SUCCESS) return SMFIS_TEMPFAIL;
  if (tag[0] != '\0' && smfi_addheader(m, (char *) FIELD, tag) != MI_SUCCESS) return SMFIS_TEMPFAIL;
  return SMFIS_CONTINUE;
}

static sfsistat on_close(SMFICTX *m)
{
  free(smfi_getpriv(m));
  smfi_setpriv(m, NULL);
  return SMFIS_CONTINUE;
}

int main(int argc, char **argv)
{
  struct smfiDesc filter;
  const char *config = NULL;
  char err[512];
  int status;

  if (argc == 4 && strcmp(argv[1], "-c") == 0) {
    config = argv[2];
    argv += 2;
    argc -= 2;
  }
  if (argc != 2) {
    fprintf(stderr, "usage: milter [-c config] socket\n");
    return 64;
  }
  if (rtls_open(&ctx, config, err, sizeof err) != RTLS_GO) {
    fprintf(stderr, "milter: %s\n", err);
    return 78;
  }
  memset(&filter, 0, sizeof filter);
  filter.xxfi_name = (char *) "requiretls";
  filter.xxfi_version = SMFI_VERSION;
  filter.xxfi_flags = SMFIF_ADDHDRS | SMFIF_CHGHDRS;
  filter.xxfi_envfrom = on_mail;
  filter.xxfi_header = on_field;
  filter.xxfi_eom = on_end;
  filter.xxfi_close = on_close;
  if (smfi_setconn(argv[1]) != MI_SUCCESS || smfi_register(filter) != MI_SUCCESS) status = 69;
  else status = smfi_main() == MI_SUCCESS ? 0 : 75;
  rtls_close(ctx);
  return status;
}
