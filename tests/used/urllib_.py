import urllib.error, urllib.parse, urllib.request, urllib.response, urllib.robotparser

print(urllib.parse.urlsplit("http://a/b?c").query, urllib.request.urlopen("data:,x").read())
robots = urllib.robotparser.RobotFileParser()
robots.parse(["User-agent: *", "Disallow: /x"])
print(robots.can_fetch("me", "/x"))
