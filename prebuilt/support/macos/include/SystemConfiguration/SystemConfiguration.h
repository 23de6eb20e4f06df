/* What CPython's _scproxy uses of the frameworks SystemConfiguration and CoreFoundation. Object types are opaque
   pointers; a CFIndex is as wide as a pointer. */
#ifndef OXIDIZE_SYSTEM_CONFIGURATION_H
#define OXIDIZE_SYSTEM_CONFIGURATION_H

#include <stddef.h>
#include <stdint.h>
/* The framework's own header brings it in, and _scproxy.c relies on that. */
#include <string.h>

typedef unsigned char Boolean;
typedef long CFIndex;
typedef CFIndex CFNumberType;
typedef uint32_t CFStringEncoding;
typedef const void *CFTypeRef;
typedef const struct __CFArray *CFArrayRef;
typedef const struct __CFDictionary *CFDictionaryRef;
typedef const struct __CFNumber *CFNumberRef;
typedef const struct __CFString *CFStringRef;
typedef const struct __SCDynamicStore *SCDynamicStoreRef;

enum { kCFNumberSInt32Type = 3 };
enum { kCFStringEncodingUTF8 = 0x08000100 };

CFIndex CFArrayGetCount(CFArrayRef array);
const void *CFArrayGetValueAtIndex(CFArrayRef array, CFIndex index);
const void *CFDictionaryGetValue(CFDictionaryRef dictionary, const void *key);
Boolean CFNumberGetValue(CFNumberRef number, CFNumberType type, void *value);
void CFRelease(CFTypeRef object);
Boolean CFStringGetCString(CFStringRef string, char *buffer, CFIndex size, CFStringEncoding encoding);
const char *CFStringGetCStringPtr(CFStringRef string, CFStringEncoding encoding);
CFIndex CFStringGetLength(CFStringRef string);

CFDictionaryRef SCDynamicStoreCopyProxies(SCDynamicStoreRef store);

extern const CFStringRef kSCPropNetProxiesExceptionsList;
extern const CFStringRef kSCPropNetProxiesExcludeSimpleHostnames;
extern const CFStringRef kSCPropNetProxiesFTPEnable;
extern const CFStringRef kSCPropNetProxiesFTPPort;
extern const CFStringRef kSCPropNetProxiesFTPProxy;
extern const CFStringRef kSCPropNetProxiesGopherEnable;
extern const CFStringRef kSCPropNetProxiesGopherPort;
extern const CFStringRef kSCPropNetProxiesGopherProxy;
extern const CFStringRef kSCPropNetProxiesHTTPEnable;
extern const CFStringRef kSCPropNetProxiesHTTPPort;
extern const CFStringRef kSCPropNetProxiesHTTPProxy;
extern const CFStringRef kSCPropNetProxiesHTTPSEnable;
extern const CFStringRef kSCPropNetProxiesHTTPSPort;
extern const CFStringRef kSCPropNetProxiesHTTPSProxy;
extern const CFStringRef kSCPropNetProxiesSOCKSEnable;
extern const CFStringRef kSCPropNetProxiesSOCKSPort;
extern const CFStringRef kSCPropNetProxiesSOCKSProxy;

#endif
