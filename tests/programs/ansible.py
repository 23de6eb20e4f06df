# require: ansible-core
# entry: ansible
# run: localhost -m ansible.builtin.ping -e ansible_connection=local
# stdout: pong
