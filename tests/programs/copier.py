# require: copier
# entry: copier
# file: template/{{ name }}.txt.jinja = I am {{ name }}\n
# file: template/copier.yml = name: str\n
# run: copy --defaults --data name=x template out
