"""A stack described for picture libraries, as XMP. Pure."""

from xml.sax.saxutils import escape, quoteattr

from stack.session import Session
from stack.session_state import SessionState
from stack.specimen import CATALOGUE, VIEW


def xmp(session: Session, state: SessionState) -> str:
    """Give the packet, as it stands in a file of its own beside a picture.

    Dublin Core's title and identifier, Darwin Core's catalogNumber (rs.tdwg.org/dwc/terms), and in a name
    space of our own the view, the number of slices, their pitch, and every other field under its own name.
    """
    own = dict(session.facts.fields)
    catalogue, view = own.pop(CATALOGUE, ""), own.pop(VIEW, "")
    title = " ".join(part for part in (session.plan.name, catalogue, view) if part)
    attributes = {
        "dc:identifier": session.id,
        "dwc:catalogNumber": catalogue,
        "xmp:CreateDate": state.began_at or session.created_at,
        "xmp:CreatorTool": f"focusrail {session.facts.versions.get('focusrail', '')}".strip(),
        **{f"focusrail:{name}": value for name, value in own.items()},
        "focusrail:view": view,
        "focusrail:slices": str(len(state.saved)),
        "focusrail:pitch": f"{session.layout.pitch_u:g} {session.scale.unit}",
    }
    lines = "\n    ".join(f"{name}={quoteattr(value)}" for name, value in attributes.items() if value)
    return f"""<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about=""
    xmlns:dc="http://purl.org/dc/elements/1.1/"
    xmlns:dwc="http://rs.tdwg.org/dwc/terms/"
    xmlns:xmp="http://ns.adobe.com/xap/1.0/"
    xmlns:focusrail="urn:focusrail:1.0:"
    {lines}>
   <dc:title><rdf:Alt><rdf:li xml:lang="x-default">{escape(title)}</rdf:li></rdf:Alt></dc:title>
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>
<?xpacket end="w"?>
"""
