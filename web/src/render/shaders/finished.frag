// Pass where nothing behind could be seen any more; the depth test keeps later layers out.
uniform highp sampler2D picture;
uniform highp usampler2D spans;
uniform bool clipped;

void main() {
  ivec2 at = ivec2(gl_FragCoord.xy);
  bool finished = texelFetch(picture, at, 0).a < 1e-4;
  if (clipped) {
    vec2 span = uintBitsToFloat(texelFetch(spans, at, 0).xy);
    finished = finished || span.x >= span.y;
  }
  if (!finished) discard;
}
