/* Protocols of AF_SYSTEM sockets. */
#ifndef OXIDIZE_SYS_DOMAIN_H
#define OXIDIZE_SYS_DOMAIN_H

#define SYSPROTO_EVENT 1
#define SYSPROTO_CONTROL 2
#define AF_SYS_CONTROL 2

#endif
