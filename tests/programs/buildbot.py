# require: buildbot
# entry: buildbot
# run: create-master master
# stdout: buildmaster configured
