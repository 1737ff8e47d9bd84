/* What does OpenSSL's DANE verifier make of these chains and TLSA records?
 *
 * It reads cases from standard input, line by line, and prints one line for each:
 *   case LABEL            begins a case
 *   time SECONDS          since 1970
 *   name NAME             the TLSA base domain first, then further names that the certificate may carry
 *   tlsa U S M HEX        a record; "-" stands for no data
 *   cert HEX              a certificate, leaf first
 *   judge                 ends the case
 * The answer, with tabs between: the label, how many records OpenSSL takes, its verdict at security level 0 and at
 * level 2 (an X509_V_ number; -1: a certificate that cannot be read, so that there is no handshake), and the two
 * verdicts in words.
 *
 * The verifier is set up as libssl does it for a client (purpose and trust "ssl_server", no store behind it), with what
 * Postfix adds: no name checks for DANE-EE (RFC 7672 section 3.1.1), depth 10, security level 0. Level 2 is what a
 * program gets on Debian that sets none.
 */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#define MAX_RECORDS 4096
#define MAX_CERTIFICATES 256
#define MAX_NAMES 8
#define DEPTH 10
#define UNREADABLE (-1)

struct bytes {
  unsigned char *data;
  size_t len;
};

struct record {
  unsigned char usage, selector, matching;
  struct bytes data;
};

struct question {
  char *label, *names[MAX_NAMES];
  struct record records[MAX_RECORDS];
  struct bytes certificates[MAX_CERTIFICATES];
  size_t n_names, n_records, n_certificates;
  time_t now;
};

static void die(const char *what)
{
  fprintf(stderr, "dane_oracle: %s\n", what);
  ERR_print_errors_fp(stderr);
  exit(1);
}

static void *must(void *got, const char *what)
{
  if (got == NULL) die(what);
  return got;
}

/* A hexadecimal digit's value, or -1. */
static int digit(char c)
{
  if (c >= '0' && c <= '9') return c - '0';
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static struct bytes bytes_of(const char *hex)
{
  struct bytes b;
  size_t i, len = strlen(hex);
  b.len = strcmp(hex, "-") == 0 ? 0 : len / 2;
  b.data = must(malloc(b.len + 1), "no memory");
  for (i = 0; i < b.len; i++) {
    int high = digit(hex[2 * i]), low = digit(hex[2 * i + 1]);
    if (high < 0 || low < 0) die("not hexadecimal");
    b.data[i] = (unsigned char)(high * 16 + low);
  }
  return b;
}

static void forget(struct question *q)
{
  size_t i;
  free(q->label);
  for (i = 0; i < q->n_names; i++) free(q->names[i]);
  for (i = 0; i < q->n_records; i++) free(q->records[i].data.data);
  for (i = 0; i < q->n_certificates; i++) free(q->certificates[i].data);
  memset(q, 0, sizeof *q);
}

/* The chain as a handshake would have read it; NULL: it would have ended there. */
static STACK_OF(X509) *read_chain(const struct question *q)
{
  STACK_OF(X509) *chain = must(sk_X509_new_null(), "no memory");
  size_t i;
  for (i = 0; i < q->n_certificates; i++) {
    const unsigned char *at = q->certificates[i].data;
    X509 *one = d2i_X509(NULL, &at, (long)q->certificates[i].len);
    if (one != NULL && at != q->certificates[i].data + q->certificates[i].len) {
      X509_free(one);
      one = NULL;
    }
    if (one == NULL) {
      sk_X509_pop_free(chain, X509_free);
      return NULL;
    }
    if (!sk_X509_push(chain, one)) die("no memory");
  }
  return chain;
}

/* The verdict at one security level; counts the records that were taken. */
static int judge(SSL_CTX *ctx, const struct question *q, int level, int *taken)
{
  SSL *ssl = must(SSL_new(ctx), "SSL_new");
  STACK_OF(X509) *chain;
  X509_STORE_CTX *verify;
  X509_VERIFY_PARAM *param;
  int holds, verdict;
  size_t i;

  SSL_set_connect_state(ssl);
  if (q->n_names == 0 || SSL_dane_enable(ssl, q->names[0]) <= 0) die("SSL_dane_enable");
  for (i = 1; i < q->n_names; i++) if (!SSL_add1_host(ssl, q->names[i])) die("SSL_add1_host");
  SSL_dane_set_flags(ssl, DANE_FLAG_NO_DANE_EE_NAMECHECKS);
  *taken = 0;
  for (i = 0; i < q->n_records; i++) {
    const struct record *r = &q->records[i];
    if (SSL_dane_tlsa_add(ssl, r->usage, r->selector, r->matching, r->data.data, r->data.len) > 0) ++*taken;
  }
  ERR_clear_error();
  chain = read_chain(q);
  if (chain == NULL) {
    SSL_free(ssl);
    return UNREADABLE;
  }
  verify = must(X509_STORE_CTX_new(), "no memory");
  if (!X509_STORE_CTX_init(verify, SSL_CTX_get_cert_store(ctx), sk_X509_value(chain, 0), chain)) {
    die("X509_STORE_CTX_init");
  }
  X509_STORE_CTX_set0_dane(verify, SSL_get0_dane(ssl));
  if (!X509_STORE_CTX_set_default(verify, "ssl_server")) die("ssl_server");
  param = X509_STORE_CTX_get0_param(verify);
  if (!X509_VERIFY_PARAM_set1(param, SSL_get0_param(ssl))) die("X509_VERIFY_PARAM_set1");
  X509_VERIFY_PARAM_set_auth_level(param, level);
  X509_VERIFY_PARAM_set_depth(param, DEPTH);
  X509_VERIFY_PARAM_set_time(param, q->now);
  holds = X509_verify_cert(verify) > 0;
  verdict = holds ? X509_V_OK : X509_STORE_CTX_get_error(verify);
  /* A refusal that names no error would look like consent. */
  if (!holds && verdict == X509_V_OK) verdict = X509_V_ERR_UNSPECIFIED;
  X509_STORE_CTX_free(verify);
  sk_X509_pop_free(chain, X509_free);
  SSL_free(ssl);
  ERR_clear_error();
  return verdict;
}

static const char *words(int verdict)
{
  return verdict == UNREADABLE ? "a certificate cannot be read" : X509_verify_cert_error_string(verdict);
}

static void answer(SSL_CTX *ctx, const struct question *q)
{
  int taken, at_0 = judge(ctx, q, 0, &taken), at_2 = judge(ctx, q, 2, &taken);
  printf("%s\t%d\t%d\t%d\t%s\t%s\n", q->label, taken, at_0, at_2, words(at_0), words(at_2));
}

/* One line of a case. */
static void take(SSL_CTX *ctx, struct question *q, char *line)
{
  char *argument = strchr(line, ' ');
  if (argument != NULL) *argument++ = '\0';
  if (strcmp(line, "judge") == 0) {
    answer(ctx, q);
    forget(q);
  } else if (argument == NULL) {
    die("a line without an argument");
  } else if (strcmp(line, "case") == 0) {
    q->label = must(strdup(argument), "no memory");
  } else if (strcmp(line, "time") == 0) {
    q->now = (time_t)strtol(argument, NULL, 10);
  } else if (strcmp(line, "name") == 0 && q->n_names < MAX_NAMES) {
    q->names[q->n_names++] = must(strdup(argument), "no memory");
  } else if (strcmp(line, "cert") == 0 && q->n_certificates < MAX_CERTIFICATES) {
    q->certificates[q->n_certificates++] = bytes_of(argument);
  } else if (strcmp(line, "tlsa") == 0 && q->n_records < MAX_RECORDS) {
    struct record *r = &q->records[q->n_records++];
    char *end;
    r->usage = (unsigned char)strtol(argument, &end, 10);
    r->selector = (unsigned char)strtol(end, &end, 10);
    r->matching = (unsigned char)strtol(end, &end, 10);
    if (*end++ != ' ') die("a record without data");
    r->data = bytes_of(end);
  } else {
    die(line);
  }
}

int main(void)
{
  static struct question q;
  SSL_CTX *ctx = must(SSL_CTX_new(TLS_client_method()), "SSL_CTX_new");
  char *line = NULL;
  size_t size = 0;
  ssize_t len;

  if (SSL_CTX_dane_enable(ctx) <= 0) die("SSL_CTX_dane_enable");
  while ((len = getline(&line, &size, stdin)) > 0) {
    if (line[len - 1] == '\n') line[len - 1] = '\0';
    take(ctx, &q, line);
  }
  free(line);
  SSL_CTX_free(ctx);
  return 0;
}
