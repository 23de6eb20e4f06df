# require: django
# entry: django-admin
# run: startproject site1
# run: check --settings=django.conf.global_settings
