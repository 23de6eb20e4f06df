/* Pseudo-terminals, util(3). */
#ifndef OXIDIZE_UTIL_H
#define OXIDIZE_UTIL_H

#include <sys/ioctl.h>
#include <sys/types.h>
#include <termios.h>

pid_t forkpty(int *controller, char *name, struct termios *settings, struct winsize *size);
int login_tty(int descriptor);
int openpty(int *controller, int *terminal, char *name, struct termios *settings, struct winsize *size);

#endif
