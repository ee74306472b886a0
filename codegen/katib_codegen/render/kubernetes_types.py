"""Types of Kubernetes' own kinds for a server that serves them: fields, forms and merge keys, without words.

Which kinds, and where they are printed, stands in apis/project.yaml.
"""

import json

from katib_codegen.kubernetes import whole
from katib_codegen.marks import mark
from katib_codegen.model import Api
from katib_codegen.project import FILE
from katib_codegen.render import Files


def render_kubernetes_types(*apis: Api) -> Files:
    """One type a line, by its full name, after the key that says where it comes from; nothing if nobody wants any."""
    wanted = apis[0].project.kubernetes_types
    if wanted is None:
        return {}
    comment = json.dumps(mark(f"apis/{FILE}"))
    lines = [f'  "$comment": {comment}']
    lines += [f'"{name}":{json.dumps(source, separators=(",", ":"))}' for name, source in whole(wanted.kinds).items()]
    text = "{\n" + ",\n".join(lines) + "\n}\n"
    return {wanted.file: text.encode()}
