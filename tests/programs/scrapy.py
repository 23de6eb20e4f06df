# require: scrapy
# entry: scrapy
# run: startproject p1
# stdout: New Scrapy project
# run: bench --help
