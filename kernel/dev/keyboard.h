/* keyboard.h - the PC's keyboard; what is typed goes to the screen's terminal. */
#pragma once

#include "base/types.h"

/* Finds the controller and lets keys arrive by interrupt. False: there is none. */
bool keyboard_start(void);
