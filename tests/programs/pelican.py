# require: pelican markdown
# entry: pelican
# file: content/a.md = Title: Post\nDate: 2026-01-02\n\nSome *words*.\n
# run: content -o out
# stdout: 1 article
