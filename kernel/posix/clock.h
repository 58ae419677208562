/* clock.h - times that programs pass with 64 bits. */
#pragma once

#include "sched/time.h"

/* As time_from_user, but a timespec64; what is far ahead is cut to some centuries. */
must_check int time64_from_user(uptr_t from, nanoseconds_t *time);
