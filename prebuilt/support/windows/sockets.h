/* For Modules/socketmodule.c. The Windows SDK has the protocol numbers as members of an enum, and the file makes macros
 * of them: `#define IPPROTO_TCP IPPROTO_TCP`. In mingw-w64 they are macros already, which that line would turn into
 * nothing; so their values are kept and they become members of an enum here, too. */
#include "msvc.h"

enum {
    oxidize_ICMP = IPPROTO_ICMP,
    oxidize_IGMP = IPPROTO_IGMP,
    oxidize_GGP = IPPROTO_GGP,
    oxidize_TCP = IPPROTO_TCP,
    oxidize_PUP = IPPROTO_PUP,
    oxidize_UDP = IPPROTO_UDP,
    oxidize_IDP = IPPROTO_IDP,
    oxidize_ND = IPPROTO_ND,
    oxidize_RAW = IPPROTO_RAW,
    oxidize_MAX = IPPROTO_MAX,
    oxidize_HOPOPTS = IPPROTO_HOPOPTS,
    oxidize_IPV4 = IPPROTO_IPV4,
    oxidize_IPV6 = IPPROTO_IPV6,
    oxidize_ROUTING = IPPROTO_ROUTING,
    oxidize_FRAGMENT = IPPROTO_FRAGMENT,
    oxidize_ESP = IPPROTO_ESP,
    oxidize_AH = IPPROTO_AH,
    oxidize_ICMPV6 = IPPROTO_ICMPV6,
    oxidize_NONE = IPPROTO_NONE,
    oxidize_DSTOPTS = IPPROTO_DSTOPTS,
    oxidize_EGP = IPPROTO_EGP,
    oxidize_PIM = IPPROTO_PIM,
    oxidize_ICLFXBM = IPPROTO_ICLFXBM,
    oxidize_ST = IPPROTO_ST,
    oxidize_CBT = IPPROTO_CBT,
    oxidize_IGP = IPPROTO_IGP,
    oxidize_RDP = IPPROTO_RDP,
    oxidize_PGM = IPPROTO_PGM,
    oxidize_L2TP = IPPROTO_L2TP,
    oxidize_SCTP = IPPROTO_SCTP,
};

#undef IPPROTO_ICMP
#undef IPPROTO_IGMP
#undef IPPROTO_GGP
#undef IPPROTO_TCP
#undef IPPROTO_PUP
#undef IPPROTO_UDP
#undef IPPROTO_IDP
#undef IPPROTO_ND
#undef IPPROTO_RAW
#undef IPPROTO_MAX
#undef IPPROTO_HOPOPTS
#undef IPPROTO_IPV4
#undef IPPROTO_IPV6
#undef IPPROTO_ROUTING
#undef IPPROTO_FRAGMENT
#undef IPPROTO_ESP
#undef IPPROTO_AH
#undef IPPROTO_ICMPV6
#undef IPPROTO_NONE
#undef IPPROTO_DSTOPTS
#undef IPPROTO_EGP
#undef IPPROTO_PIM
#undef IPPROTO_ICLFXBM
#undef IPPROTO_ST
#undef IPPROTO_CBT
#undef IPPROTO_IGP
#undef IPPROTO_RDP
#undef IPPROTO_PGM
#undef IPPROTO_L2TP
#undef IPPROTO_SCTP

enum {
    IPPROTO_ICMP = oxidize_ICMP,
    IPPROTO_IGMP = oxidize_IGMP,
    IPPROTO_GGP = oxidize_GGP,
    IPPROTO_TCP = oxidize_TCP,
    IPPROTO_PUP = oxidize_PUP,
    IPPROTO_UDP = oxidize_UDP,
    IPPROTO_IDP = oxidize_IDP,
    IPPROTO_ND = oxidize_ND,
    IPPROTO_RAW = oxidize_RAW,
    IPPROTO_MAX = oxidize_MAX,
    IPPROTO_HOPOPTS = oxidize_HOPOPTS,
    IPPROTO_IPV4 = oxidize_IPV4,
    IPPROTO_IPV6 = oxidize_IPV6,
    IPPROTO_ROUTING = oxidize_ROUTING,
    IPPROTO_FRAGMENT = oxidize_FRAGMENT,
    IPPROTO_ESP = oxidize_ESP,
    IPPROTO_AH = oxidize_AH,
    IPPROTO_ICMPV6 = oxidize_ICMPV6,
    IPPROTO_NONE = oxidize_NONE,
    IPPROTO_DSTOPTS = oxidize_DSTOPTS,
    IPPROTO_EGP = oxidize_EGP,
    IPPROTO_PIM = oxidize_PIM,
    IPPROTO_ICLFXBM = oxidize_ICLFXBM,
    IPPROTO_ST = oxidize_ST,
    IPPROTO_CBT = oxidize_CBT,
    IPPROTO_IGP = oxidize_IGP,
    IPPROTO_RDP = oxidize_RDP,
    IPPROTO_PGM = oxidize_PGM,
    IPPROTO_L2TP = oxidize_L2TP,
    IPPROTO_SCTP = oxidize_SCTP,
};
