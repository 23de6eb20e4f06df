# require: yt-dlp
# entry: yt-dlp
# run: --version
# stdout: 20
# run: --list-extractors
# stdout: youtube
