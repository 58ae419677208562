/* pipe.h - pipes and FIFOs. */
#pragma once

#define PIPE_SIZE 65536u        /* bytes in a pipe, as on Linux */
#define PIPE_BUF  4096u         /* a write up to this size is atomic */

void pipe_init(void);

/* What happens to a thread that writes where nobody can read: SIGPIPE, and -EPIPE. */
int pipe_broken(void);
