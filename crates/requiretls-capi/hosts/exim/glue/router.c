/* How does a router that is root learn what the network says?
 *
 * Not by listening itself: Exim's delivery process runs its routers as root. A child becomes Exim's user, looks up, and writes
 * one line into a pipe; the parent believes nothing of it but printable ASCII. Whatever happens to the child, the mail waits.
 * What was found is kept for a while, since each recipient of a message asks again. */
#define _DEFAULT_SOURCE
#define _POSIX_C_SOURCE 200112L
#include <errno.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>
#include "glue.h"

/* Seconds that an answer is good for: no message waits that long for its other recipients to be routed. */
#define KEPT_SECONDS 60
#define KEPT 64
#define KEY_SIZE 1024

static struct kept {
  char key[KEY_SIZE];
  char *answer;
  long since;
} kept[KEPT];
static int next_kept;

static const char *recall(const char *key) {
  int i;
  for (i = 0; i < KEPT; i++)
    if (kept[i].answer && strcmp(kept[i].key, key) == 0 && glue_now() - kept[i].since < KEPT_SECONDS)
      return kept[i].answer;
  return NULL;
}

static void keep(const char *key, const char *answer) {
  struct kept *place = &kept[next_kept];
  char *copy = malloc(strlen(answer) + 1);
  if (!copy) return;
  strcpy(copy, answer);
  free(place->answer);
  place->answer = copy;
  strcpy(place->key, key);
  place->since = glue_now();
  next_kept = (next_kept + 1) % KEPT;
}

/* An id in decimal that is not root's. */
static int read_id(const char *text, unsigned long *id) {
  char *end;
  if (*text < '1' || *text > '9') return 0;
  errno = 0;
  *id = strtoul(text, &end, 10);
  return *end == '\0' && errno == 0 && *id < 0xffffffffUL;
}

/* Becomes Exim's user with all its groups, for good. Without root there is nothing to leave. */
static int leave_root(unsigned long uid, unsigned long gid) {
  if (geteuid() == 0) {
    const struct passwd *user = getpwuid((uid_t) uid);
    if (user ? initgroups(user->pw_name, (gid_t) gid) : setgroups(0, NULL)) return 0;
    if (setgid((gid_t) gid) || setuid((uid_t) uid)) return 0;
  }
  return getuid() != 0 && geteuid() != 0 && getegid() != 0 && setuid(0) != 0;
}

/* A line of the library goes where mail is logged. This process is its own, so its way to syslog disturbs nobody's. */
static void log_line(void *unused, int level, const char *line) {
  (void) unused;
  syslog(LOG_MAIL | level, "%s", line);
}

/* The child: it never returns. Exim's handlers and what it has opened are not for it. */
static void look_up_and_end(int out, const char *tag, const char *next_hop, int null_path, const char *hosts,
                            unsigned long uid, unsigned long gid) {
  static char answer[GLUE_ANSWER_SIZE + 1];
  static const int signals[] = {SIGHUP, SIGINT, SIGTERM, SIGALRM, SIGUSR1, SIGCHLD, SIGPIPE, SIGSEGV, SIGABRT, SIGBUS};
  size_t i, length;
  const char *from = answer;
  for (i = 0; i < sizeof signals / sizeof *signals; i++) signal(signals[i], SIG_DFL);
  if (!leave_root(uid, gid)) _exit(1);
  openlog("requiretls-exim", LOG_PID, LOG_MAIL);
  if (glue_context()) {
    rtls_set_log(glue_context(), log_line, NULL);
    rtls_set_log_level(glue_context(), LOG_NOTICE);
  }
  glue_look_up(tag, next_hop, null_path, hosts, answer, GLUE_ANSWER_SIZE);
  length = strlen(answer);
  answer[length++] = '\n';
  while (length > 0) {
    ssize_t n = write(out, from, length);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) _exit(1);
    from += n;
    length -= (size_t) n;
  }
  _exit(0);
}

/* Reads until the other end is closed, the room is full or the time is over. Whether it was closed in time. */
static int read_all(int in, char *buffer, size_t size, size_t *length) {
  long end = glue_now() + GLUE_PROCESS_MS / 1000;
  *length = 0;
  while (glue_now() < end && *length < size) {
    struct pollfd ready;
    int polled;
    ssize_t n;
    ready.fd = in;
    ready.events = POLLIN;
    polled = poll(&ready, 1, 1000);
    if (polled == 0 || (polled < 0 && errno == EINTR)) continue;
    if (polled < 0) return 0;
    n = read(in, buffer + *length, size - *length);
    if (n == 0) return 1;
    if (n < 0 && errno != EINTR) return 0;
    if (n > 0) *length += (size_t) n;
  }
  return 0;
}

static void await_end(pid_t child) {
  int status;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
}

static const char *ask(const char *tag, const char *next_hop, int null_path, const char *hosts, unsigned long uid,
                       unsigned long gid) {
  static char answer[GLUE_ANSWER_SIZE + 2];
  int ends[2], whole;
  size_t length;
  pid_t child;
  if (pipe(ends)) return ":defer: 451 4.3.0 no pipe to a process that looks up";
  child = fork();
  if (child == 0) {
    close(ends[0]);
    look_up_and_end(ends[1], tag, next_hop, null_path, hosts, uid, gid);
  }
  close(ends[1]);
  if (child < 0) {
    close(ends[0]);
    return ":defer: 451 4.3.0 no process to look up in";
  }
  whole = read_all(ends[0], answer, sizeof answer - 1, &length);
  close(ends[0]);
  if (!whole) kill(child, SIGKILL);
  await_end(child);
  /* The newline says that it was not cut. */
  if (!whole || length == 0 || answer[length - 1] != '\n')
    return ":defer: 451 4.3.0 the process that looks up has told nothing";
  answer[length - 1] = '\0';
  if (strlen(answer) != length - 1 || !glue_is_plain(answer))
    return ":defer: 451 4.3.0 the process that looks up has told what nobody can read";
  return answer;
}

const char *glue_route(const char *tag, const char *next_hop, int null_path, const char *hosts, const char *uid,
                       const char *gid) {
  char key[KEY_SIZE];
  unsigned long user, group;
  const char *answer;
  if (!read_id(uid, &user) || !read_id(gid, &group)) return ":defer: 451 4.3.5 Exim's user may not be root";
  if (strlen(tag) + strlen(next_hop) + strlen(hosts) + 8 > sizeof key)
    return ":defer: 451 4.3.0 the tag, the next hop or its hosts are too long";
  sprintf(key, "%s %d %s %s", tag, null_path, next_hop, hosts);
  answer = recall(key);
  if (answer) return answer;
  answer = ask(tag, next_hop, null_path, hosts, user, group);
  keep(key, answer);
  return answer;
}
