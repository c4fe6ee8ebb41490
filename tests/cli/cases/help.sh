# Every verb has a help that begins with how it is called.
for verb in inspect split prepare serve run eval; do
    tandem $verb --help | head -1
done
tandem help eval | head -1
tandem --version
tandem --help | sed -n 4p
try tandem
