# require: feedparser
import feedparser
feed = feedparser.parse("<rss version='2.0'><channel><title>T</title><item><title>A &amp; B</title>"
    "<pubDate>Mon, 02 Mar 2026 10:00:00 GMT</pubDate></item></channel></rss>")
assert feed.feed.title == "T" and feed.entries[0].title == "A & B"
assert feed.entries[0].published_parsed.tm_mday == 2
print("ok")
