/* Every call of the library, one at a time: a message that comes in, and one that goes out to a domain with an MTA-STS policy.
 *
 * What a program looks at between two calls is its own affair.
 */
#ifndef STORY_H
#define STORY_H

#include <requiretls.h>

#define STORY_WAIT 20000                /* milliseconds, for one look-up */

struct story {
  const char *config, *domain;          /* to be set before the first step */
  rtls_ctx *ctx;                        /* ours between the first step and the last; or to be set, and both left out */
  rtls_mail m;
  rtls_plan *p;
  char tag[RTLS_TAG_SIZE], host[RTLS_HOST_SIZE], params[RTLS_PARAMS_SIZE];
};

struct story_step {
  const char *name;                     /* NULL: there are no more */
  int (*run)(struct story *);
  int answer;                           /* what run has to return */
};

extern const struct story_step story_steps[];

/* The number of a step. */
int story_at(const char *name);

#define STORY_BEGIN story_at("rtls_version")            /* the context is open */
#define STORY_ASKS story_at("rtls_plan_new")            /* from here on others are asked, and what they say is kept */
#define STORY_CLOSE story_at("rtls_close")
#define STORY_END (STORY_CLOSE + 1)

/* Goes from one step to before another; the name of the first with another answer, or NULL. */
const char *story_run(struct story *s, int from, int to);

#endif
