/* A policy fetched by a process that has left its root directory and its user.
 *
 *   jail config domain empty-directory uid
 *
 * Opens, goes into the directory, becomes the user, and makes all other calls there. Prints what went wrong; the exit status is 0
 * where nothing did.
 */
#define _DEFAULT_SOURCE
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "story.h"

int main(int argc, char **argv)
{
  struct story s;
  const char *wrong;
  unsigned id;

  if (argc != 5) return 64;
  memset(&s, 0, sizeof s);
  s.config = argv[1];
  s.domain = argv[2];
  id = (unsigned) atoi(argv[4]);
  if (story_run(&s, 0, STORY_BEGIN) != NULL) return 78;
  if (chroot(argv[3]) != 0 || chdir("/") != 0 || setgroups(0, NULL) != 0 || setgid(id) != 0 || setuid(id) != 0) return 77;
  if (access("/etc", F_OK) == 0 || access("/proc", F_OK) == 0 || getuid() == 0 || setuid(0) == 0) return 77;
  wrong = story_run(&s, STORY_BEGIN, STORY_END);
  if (wrong != NULL) printf("%s: another answer\n", wrong);
  return wrong != NULL;
}
