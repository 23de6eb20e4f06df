# package: --entry with_source
# run:
# status: 1
# stderr: Traceback (most recent call last):
# stderr:   File "/~oxidize/app/with_source.py", line 14, in <module>
# stderr:     helper.fail()
# stderr:     ~~~~~~~~~~~^^
# stderr:   File "/~oxidize/app/helper.py", line 6, in fail
# stderr:     raise RuntimeError("on purpose")
# stderr: RuntimeError: on purpose

import helper

helper.fail()
