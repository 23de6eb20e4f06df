# require: wordcloud
import wordcloud

image = wordcloud.WordCloud(width=100, height=60).generate("some words and other words in a cloud of words").to_image()
assert image.size == (100, 60) and len(image.getcolors(10000)) > 5
print("ok")
