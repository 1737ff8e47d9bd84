/* Whose context is it, and what is a text that Exim may have?
 *
 * Exim forks a process for each message and more for its connections. A context that was opened before a fork would serve the
 * child as well, but the parent is root, and opens none: whoever needs one opens it as Exim's user. */
#define _POSIX_C_SOURCE 200112L
#include <string.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>
#include "glue.h"

static rtls_ctx *context;
static pid_t owner;
static char why[512];

rtls_ctx *glue_context(void) {
  if (owner != getpid()) {
    /* A parent's, if there is one at all: it is left as it is, for its memory is as good as gone in this process. */
    context = NULL;
    owner = getpid();
  }
  if (!context && rtls_open(&context, NULL, why, sizeof why) != RTLS_GO) context = NULL;
  return context;
}

const char *glue_why(void) {
  return why;
}

long glue_now(void) {
  struct timespec now;
  return clock_gettime(CLOCK_MONOTONIC, &now) == 0 ? (long) now.tv_sec : 0;
}

int glue_is_plain(const char *text) {
  for (; *text; text++)
    if ((unsigned char) *text < ' ' || (unsigned char) *text > '~') return 0;
  return 1;
}

void glue_copy(char *to, size_t size, const char *from) {
  size_t length = strlen(from);
  if (length >= size) length = size - 1;
  memcpy(to, from, length);
  to[length] = '\0';
}
