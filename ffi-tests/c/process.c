/* What is different about this process after each call of the library.
 *
 *   process config domain [fault]
 *
 * Signal handlers and masks, threads, descriptors, environment, locale, umask, working directory, and what was written to the two
 * standard streams, which are to be files. Each difference is one line in the file "differences" of the working directory;
 * the exit status is 0 where there is none. "silent" instead of a fault: nothing is looked at, for strace to look on; access() of
 * "/begin" and of "/end" are around the calls. Every other fault is made on purpose, to see that it is seen.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <locale.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include "story.h"

#define ROOM 16384

extern char **environ;

struct state {
  char signals[ROOM], descriptors[ROOM], environment[ROOM], locale[ROOM], directory[ROOM];
  int threads, umask;
  long written;
};

static FILE *differences;
static int different;

static void add(char *text, const char *line)
{
  strncat(text, line, ROOM - strlen(text) - 1);
  strncat(text, "\n", ROOM - strlen(text) - 1);
}

/* The lines about signals, and how many threads there are. */
static void status(struct state *now)
{
  char line[512];
  FILE *file = fopen("/proc/self/status", "re");
  while (file != NULL && fgets(line, sizeof line, file) != NULL) {
    line[strcspn(line, "\n")] = '\0';
    if (strncmp(line, "SigCgt", 6) == 0 || strncmp(line, "SigIgn", 6) == 0 || strncmp(line, "SigBlk", 6) == 0)
      add(now->signals, line);
    if (strncmp(line, "Threads:", 8) == 0) now->threads = atoi(line + 8);
  }
  if (file != NULL) fclose(file);
}

static void descriptors(struct state *now)
{
  struct dirent *entry;
  DIR *dir = opendir("/proc/self/fd");
  char target[512], line[1024];
  while (dir != NULL && (entry = readdir(dir)) != NULL) {
    ssize_t len;
    if (atoi(entry->d_name) == dirfd(dir)) continue;
    len = readlinkat(dirfd(dir), entry->d_name, target, sizeof target - 1);
    target[len < 0 ? 0 : len] = '\0';
    snprintf(line, sizeof line, "%s %s", entry->d_name, target);
    add(now->descriptors, line);
  }
  if (dir != NULL) closedir(dir);
}

static void look(struct state *now)
{
  struct stat out, err;
  char **each, at[32];

  memset(now, 0, sizeof *now);
  status(now);
  descriptors(now);
  snprintf(at, sizeof at, "%p", (void *) environ);
  add(now->environment, at);
  for (each = environ; *each != NULL; each++) {
    snprintf(at, sizeof at, "%p", (void *) *each);
    add(now->environment, at);
    add(now->environment, *each);
  }
  add(now->locale, setlocale(LC_ALL, NULL));
  if (getcwd(now->directory, sizeof now->directory) == NULL) exit(71);
  now->umask = (int) umask(0);
  umask((mode_t) now->umask);
  if (fstat(1, &out) != 0 || fstat(2, &err) != 0) exit(71);
  now->written = (long) (out.st_size + err.st_size);
}

static void text(const char *call, const char *what, const char *before, const char *after)
{
  if (strcmp(before, after) == 0) return;
  fprintf(differences, "%s: %s\n", call, what);
  different = 1;
}

static void number(const char *call, const char *what, long before, long after)
{
  if (before == after) return;
  fprintf(differences, "%s: %s: %ld, then %ld\n", call, what, before, after);
  different = 1;
}

static void compare(const char *call, const struct state *before, const struct state *after)
{
  text(call, "signals", before->signals, after->signals);
  text(call, "descriptors", before->descriptors, after->descriptors);
  text(call, "environment", before->environment, after->environment);
  text(call, "locale", before->locale, after->locale);
  text(call, "working directory", before->directory, after->directory);
  number(call, "threads", before->threads, after->threads);
  number(call, "umask", before->umask, after->umask);
  number(call, "written", before->written, after->written);
}

static void *wait_for_ever(void *unused)
{
  (void) unused;
  for (;;) pause();
  return NULL;
}

static void handler(int number)
{
  (void) number;
}

/* What the library must not do. */
static void do_wrong(const char *fault)
{
  pthread_t thread;
  if (strcmp(fault, "signal") == 0) signal(SIGUSR1, handler);
  else if (strcmp(fault, "pipe") == 0) signal(SIGPIPE, SIG_IGN);
  else if (strcmp(fault, "descriptor") == 0 && open("/dev/null", O_RDONLY | O_CLOEXEC) < 0) exit(71);
  else if (strcmp(fault, "inherited") == 0) close(socket(AF_UNIX, SOCK_STREAM, 0));
  else if (strcmp(fault, "environment") == 0) setenv("RTLS", "1", 1);
  else if (strcmp(fault, "locale") == 0 && setlocale(LC_ALL, "C.UTF-8") == NULL) exit(71);
  else if (strcmp(fault, "directory") == 0 && chdir("/") != 0) exit(71);
  else if (strcmp(fault, "thread") == 0 && pthread_create(&thread, NULL, wait_for_ever, NULL) != 0) exit(71);
  else if (strcmp(fault, "umask") == 0) umask(077);
  else if (strcmp(fault, "output") == 0 && write(2, "x\n", 2) != 2) exit(71);
}

int main(int argc, char **argv)
{
  static struct state before, after;
  struct story s;
  int i;

  memset(&s, 0, sizeof s);
  if (argc < 3 || (differences = fopen("differences", "we")) == NULL) return 64;
  s.config = argv[1];
  s.domain = argv[2];
  if (argc > 3 && strncmp(argv[3], "silent", 6) == 0) {
    const char *wrong;
    access("/begin", F_OK);
    wrong = story_run(&s, 0, STORY_END);
    do_wrong(argv[3] + 6);
    access("/end", F_OK);
    if (wrong != NULL) fprintf(differences, "%s: another answer\n", wrong);
    return wrong != NULL;
  }
  for (i = 0; story_steps[i].name != NULL; i++) {
    look(&before);
    if (story_steps[i].run(&s) != story_steps[i].answer) {
      fprintf(differences, "%s: another answer\n", story_steps[i].name);
      return 1;
    }
    if (i == 5 && argc > 3) do_wrong(argv[3]);
    look(&after);
    compare(story_steps[i].name, &before, &after);
  }
  fclose(differences);
  return different;
}
